"""Page config and navigation; every page is a file under pages/."""

from pathlib import Path

import streamlit as st

from pages.shared.auto_rerun import keep_to_their_page
from pages.shared.layout import style
from pages.shared.sidebar import sidebar
from pages.shared.state import warm_up
from pages.shared.way_back import one_step_back

# A file of our own: for a named icon the browser would ask a font service on the internet.
ICON = str(Path(__file__).parent / "pages" / "shared" / "icon.svg")

st.set_page_config(page_title="embtune", page_icon=ICON, layout="wide")
style()
keep_to_their_page()

page = st.navigation(
    {
        "Corpus": [
            st.Page("pages/projects.py", title="Projects", icon=":material/folder_open:", default=True),
            st.Page("pages/records.py", title="Records", icon=":material/table_rows:"),
            st.Page("pages/overview.py", title="Overview", icon=":material/dashboard:"),
        ],
        "Label": [
            st.Page("pages/map.py", title="Map", icon=":material/scatter_plot:"),
            st.Page("pages/neighbors.py", title="Neighbors", icon=":material/join_inner:"),
            st.Page("pages/sessions.py", title="Sessions", icon=":material/keyboard:"),
            st.Page("pages/heuristics.py", title="Heuristics", icon=":material/rule:"),
            st.Page("pages/weak_supervision.py", title="Weak supervision", icon=":material/how_to_vote:"),
            st.Page("pages/label_set.py", title="Label set", icon=":material/label:"),
            st.Page("pages/history.py", title="History", icon=":material/history:"),
        ],
        "Learn": [
            st.Page("pages/tune.py", title="Tune", icon=":material/tune:"),
            st.Page("pages/evaluate.py", title="Evaluate", icon=":material/monitoring:"),
        ],
        "Share": [
            st.Page("pages/export.py", title="Export", icon=":material/output:"),
        ],
    },
    expanded=True,
)
sidebar()
one_step_back()
warm_up()
page.run()
