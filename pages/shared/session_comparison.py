"""Sessions side by side, and annotators side by side."""

from __future__ import annotations

import streamlit as st

from embtune.labeling.session_kinds import kind_title
from embtune.project import Project
from pages.shared.layout import told
from pages.shared.session_state import open_session

_MOST = 50
_FEWEST = 3


def comparison(project: Project) -> None:
    """Draw one line per session with its figures: raw and tuned, similar and random can be compared."""
    found = [one for one in project.sessions_book.summaries() if one.pace.n >= _FEWEST][:_MOST]
    if len(found) < 2:
        return
    st.subheader("How they went", anchor=False)
    st.dataframe(
        [
            {
                "session": one.session.name,
                "kind": kind_title(one.session.kind),
                "embedding": one.embedding or "",
                "records": one.pace.n,
                "minutes": one.pace.minutes,
                "per minute": one.pace.per_minute,
                "switches/100": one.pace.switches_per_100,
                "as the model said": None if one.pace.agreement is None else 100 * one.pace.agreement,
            }
            for one in found
        ],
        hide_index=True,
        key="session_comparison",
        placeholder="",
        column_config={
            "session": st.column_config.TextColumn(width="large"),
            "records": st.column_config.NumberColumn(format="localized"),
            "minutes": st.column_config.NumberColumn(format="%.1f"),
            "per minute": st.column_config.NumberColumn(format="%.0f"),
            "switches/100": st.column_config.NumberColumn(
                format="%.0f", help="Context switches: changes of label in a hundred steps to the next record"
            ),
            "as the model said": st.column_config.NumberColumn(
                format="%.0f %%", help="Answers that were what the model showed with the record"
            ),
        },
    )


def agreement(project: Project) -> None:
    """Draw how far every two annotators agree, and the way to settle where they do not."""
    pairs = project.agreement()
    if not pairs:
        return
    n = len(project.differing_rows())
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader("Agreement", anchor=False, width="stretch")
        if n and st.button(
            f"Settle the {n:,} that differ" if n > 1 else "Settle the one that differs",
            key="session_settle",
            icon=":material/balance:",
        ):
            with told():
                open_session(project.sessions_book.create_of("annotators", n=max(n, 1)))
                st.rerun()
    st.dataframe(
        [
            {
                "annotators": f"{pair.first} and {pair.second}",
                "records both answered": pair.n,
                "alike": 100 * pair.share,
                "Cohen's kappa": pair.kappa,
                "not settled": len(project.differing_rows(pair.first, pair.second)),
            }
            for pair in pairs
        ],
        hide_index=True,
        key="session_agreement",
        placeholder="",
        column_config={
            "alike": st.column_config.NumberColumn(format="%.0f %%"),
            "Cohen's kappa": st.column_config.NumberColumn(
                format="%.2f", help="Agreement beyond chance: 1 is always, 0 is as by chance"
            ),
        },
    )
