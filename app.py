"""The dashboard's entry: page configuration and navigation, nothing else."""

import streamlit as st

st.set_page_config(page_title="toygan", page_icon="static/icon.svg", layout="wide", initial_sidebar_state=340)
st.navigation([st.Page("pages/train.py", title="Train", icon=":material/play_arrow:", default=True)]).run()
