"""The dashboard's entry: page configuration and navigation, nothing else."""

import streamlit as st

from toygan.ui import components

st.set_page_config(page_title="toygan", page_icon="static/icon.svg", layout="wide", initial_sidebar_state=340)
st.logo("static/logo.svg", size="large")
components.page_style()
st.navigation(
    [
        st.Page("pages/train.py", title="Train", icon=":material/play_arrow:", default=True),
        st.Page("pages/compare.py", title="Compare", icon=":material/compare:"),
        st.Page("pages/library.py", title="Library", icon=":material/photo_library:"),
    ],
    position="top",
).run()
