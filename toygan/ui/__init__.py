"""The Streamlit side: the only package beside ``app.py`` and ``pages/`` that imports it."""
