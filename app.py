"""The dashboard's entry: page configuration and navigation, and the server they are served by; nothing else."""

import streamlit as st

from toygan.ui import channel, components, server

if __name__ == "__main__":
    st.set_page_config(page_title="toygan", page_icon="static/icon.svg", layout="wide", initial_sidebar_state=340)
    st.logo("static/logo.svg", size="large")
    components.page_style()
    st.navigation(
        {
            "": [
                st.Page("pages/train.py", title="Train", icon=":material/play_arrow:", default=True),
                st.Page("pages/compare.py", title="Compare", icon=":material/compare:"),
                st.Page("pages/library.py", title="Library", icon=":material/photo_library:"),
            ],
            "Why it works": [
                st.Page("pages/segments.py", title="Segments", icon=":material/straighten:"),
                st.Page("pages/critic_lab.py", title="Critic lab", icon=":material/science:"),
                st.Page("pages/divergences.py", title="Divergences", icon=":material/call_split:"),
                st.Page("pages/dirac.py", title="Dirac-GAN", icon=":material/cyclone:"),
            ],
        },
        position="top",
    ).run()
else:
    # What `streamlit run app.py` serves: the script above for each visitor, and the channels of their keyframes.
    app = st.App(__file__, routes=[channel.route()], lifespan=server.lifespan)
