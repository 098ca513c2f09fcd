"""Which base model? Several, compared on the labels at hand."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from embtune.project import Project
from embtune.work.base_models import MOST_RECORDS, known_models
from pages.shared.jobs import ended_card, job_card, last_job, running_job
from pages.shared.layout import plain, told

_RECENT_SECONDS = 900


def which_base_model(project: Project) -> None:
    """Draw the expander that compares base models before a tuning."""
    job = running_job(project, "base_models")
    box = st.expander("Which base model?", key="tune_base_models", on_change="rerun")
    if not box.open:
        return
    with box:
        known, fresh = known_models(project)
        if known is not None:
            _known(known, fresh)
        if job is not None:
            job_card(project, job.id, key="base_models_")
            return
        last = last_job(project, "base_models")
        if last is not None and time.time() - (last.finished_at or 0) < _RECENT_SECONDS:
            ended_card(project, last)
        names = st.text_area(
            "Base models, by name or folder, one a line",
            "\n".join(m["name"] for m in known["models"]) if known else f"{project.info.model}\n",
            key="base_models_names",
            height=100,
        )
        wanted = [line.strip() for line in names.splitlines() if line.strip()]
        st.caption(
            f"Each encodes the same labelled records, {MOST_RECORDS:,} at most; that takes seconds to "
            "minutes for each. The project keeps the model that it has: to tune another "
            "one, begin a project with it."
        )
        if st.button("Compare them", key="base_models_start", disabled=not wanted):
            with told():
                project.start("base_models", names=wanted)
                st.rerun()


def _known(known: dict[str, Any], fresh: bool) -> None:
    st.markdown(f"**{plain(known['sentence'])}**")
    k = f"top_{known['k']:,}"
    st.dataframe(
        [
            {
                "model": m["name"],
                f"{k}, %": _with_interval(m, "top_k"),
                "accuracy, %": _with_interval(m, "accuracy"),
                "records/s": None if m["error"] else m["records_per_second"],
                "numbers a record": None if m["error"] else m["dim"],
                "note": "left out, see below" if m["error"] else "",
            }
            for m in known["models"]
        ],
        hide_index=True,
        height="content",
        key="base_models_table",
        placeholder="–",
        column_config={
            f"{k}, %": st.column_config.TextColumn(
                help="Nearest neighbours with the record's label, and the 95 % interval"
            ),
            "accuracy, %": st.column_config.TextColumn(
                help="Logistic regression, 5 folds: each record is predicted by a model without it"
            ),
            "records/s": st.column_config.NumberColumn(format="%.0f"),
        },
    )
    for m in known["models"]:
        if m["error"]:
            st.caption(plain(m["error"]))
    changed = "" if fresh else " Labels have changed since."
    st.caption(
        f"On {known['n_records']:,} of {known['n_labels']:,} labels in {known['n_classes']} classes, "
        f"on {known['device']}.{changed}"
    )


def _with_interval(model: dict[str, Any], score: str) -> str | None:
    if model["error"]:
        return None
    low, high = model[f"{score}_interval"]
    return f"{100 * model[score]:.1f} ({100 * low:.1f} to {100 * high:.1f})"
