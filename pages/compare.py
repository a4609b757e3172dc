"""Compare: several GANs in lock-step, their curves over each other, and whether their difference is real."""

import streamlit as st

from toygan.ui import channel, comparing, comparison_controls, server

server.enter()
lockstep = comparing.session_lockstep()
server.notice(lockstep.notice)
with st.container(key="compare-page"):
    comparing.panels(lockstep)
    comparing.transport(lockstep)
    comparing.readouts(lockstep)
    comparing.downloads(lockstep)
channel.feed()
# Last, though it stands first: a change should reach the panels before the widgets are drawn.
with st.sidebar:
    comparison_controls.sidebar(lockstep)
