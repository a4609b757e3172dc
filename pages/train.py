"""Train one GAN live: controls in the sidebar, the stage on the left, its numbers on the right."""

import streamlit as st

from toygan.ui import channel, controls, player, server

server.enter()
viewer = player.session_viewer()
server.notice(viewer.notice)
with st.container(key="page"):
    left, right = st.columns([3, 2], gap="medium")
    with left:
        player.stage(viewer)
        player.transport(viewer)
        player.tree(viewer)
    with right:
        player.readouts(viewer)
        player.take_away(viewer)
channel.feed()
# Last, though it stands first: a flip of the method should reach the stage before forty widgets are drawn.
with st.sidebar:
    controls.sidebar(viewer)
