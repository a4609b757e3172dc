"""What the pages on why it works show, as plain Plotly specifications: NumPy in, no Streamlit, nothing drawn by hand.

figure: what a figure, a control and a motion are. style: traces and colours. The others are a page each.
"""
