"""Where the project stands, and what in it is worth a look: every line leads to where one acts."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from embtune.labeling.session_kinds import enough_to_predict
from embtune.labeling.state import UNLABELLED
from embtune.project import Project
from embtune.work.overview import CHECK, Standing
from pages.shared.charts import show
from pages.shared.check_predictions import check_predictions
from pages.shared.layout import plain, told
from pages.shared.overview_charts import (
    confidence_chart,
    coverage_bar,
    labels_chart,
    progress_chart,
    quiet,
    share_words,
)
from pages.shared.state import require_project
from pages.shared.worth_a_look import NOTE, line, predictions, start, worth_a_look

_CSS = """
<style>
  @media (max-width: 1200px) {
    .st-key-overview_body > div > [data-testid="stHorizontalBlock"] {flex-wrap: wrap;}
    .st-key-overview_body > div > [data-testid="stHorizontalBlock"] > [data-testid="stColumn"] {
      min-width: 100%;}
    .st-key-overview_body > div > [data-testid="stHorizontalBlock"] > [data-testid="stColumn"]:last-child {
      order: -1;}
  }
</style>
"""


def page() -> None:
    """Draw the page."""
    project = require_project()
    now = project.standing()
    headline(project, now)
    if note := st.session_state.pop(NOTE, None):
        st.error(note, icon=":material/error:")
    st.html(coverage_bar(now))
    st.html(_CSS)
    if not now.n_labelled:
        with st.container(width=760), told():
            worth_a_look(project)
        return
    with st.container(key="overview_body"):
        left, right = st.columns([1.75, 1], gap="large")
    with left:
        charts(project, now)
    with right, told():
        worth_a_look(project)


def headline(project: Project, now: Standing) -> None:
    """Say in a sentence where things stand, and offer the next step."""
    step = project.next_step()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        with st.container(gap="xsmall", width="stretch"):
            st.title("Overview", anchor=False)
            st.markdown(f"{_stand(now)} {plain(step.text)}")
        if not st.button(step.action, type="primary", key="overview_next", icon=":material/arrow_forward:"):
            return
        if step.page == "sessions":
            start(project, step.kind, n=enough_to_predict(project) if step.kind == "typical" else 50)
        elif step.page == CHECK:
            check_predictions(project)
        else:
            st.switch_page(f"pages/{step.page}.py")


def _stand(now: Standing) -> str:
    if not now.n_labelled:
        return f"None of the {now.n:,} records has a label."
    share = share_words(now.n_labelled, now.n)
    whom = []
    people = list(now.by_annotator.items())
    if people:
        named = ", ".join(f"{plain(name)} {n:,}" for name, n in people[:3])
        more = f" and {len(people) - 3} more" if len(people) > 3 else ""
        whom.append(f"given by {named}{more}")
    others = now.n_labelled - now.n_by_people
    if others:
        whom.append(f"{others:,} imported or automatic")
    return f"**{now.n_labelled:,} of {now.n:,} records have a label ({share})**: {'; '.join(whom)}."


# ---- the left side: figures ---------------------------------------------------------------------


def charts(project: Project, now: Standing) -> None:
    """Draw the figures, each where there is something to draw."""
    st.markdown("##### Labels by class and source")
    figure, rows, n_left_out = labels_chart(now)
    _draw(figure, rows, "labels", "Records by label and by who gave it")
    if n_left_out:
        quiet(f"and {n_left_out:,} labels with fewer records")
    first, second = st.columns(2, gap="medium")
    with first:
        progress = project.progress_over_time()
        st.markdown("##### Labels over time")
        figure, rows = progress_chart(progress)
        if len(rows) > 1:
            _draw(figure, rows, "progress", "Labels that stand now, by when they were given")
        else:
            quiet("One sitting so far: the line begins with the next.")
    with second:
        st.markdown("##### Confidence on what is left")
        confidence_of_rest(project)
    if project.find_embedding("raw") is not None:
        st.markdown("##### How far the confidence can be believed")
        calibration(project)
    agreement(project)


def confidence_of_rest(project: Project) -> None:
    """Draw how sure the quick model is of the records without an answer."""
    found = predictions(project)
    if found is None:
        quiet("The model needs labels of two classes.")
        return
    rest = np.flatnonzero(project.label_state().label_ids[: len(found[1])] == UNLABELLED)
    if not len(rest):
        quiet("Every record has an answer.")
        return
    figure, rows = confidence_chart(found[1][rest])
    _draw(figure, rows, "confidence", "Records without a label by the quick model's confidence")


def calibration(project: Project) -> None:
    """Draw the calibration of the quick model."""
    from pages.shared.calibration_chart import calibration_chart

    calibration_chart(project, key="overview_calibration")


def agreement(project: Project) -> None:
    """Say how far annotators agree, where several answered the same records."""
    from embtune.labeling.agreement import agreement as agreement_of

    pairs = agreement_of(project)
    if not pairs:
        return
    st.markdown("##### Agreement between annotators")
    for i, pair in enumerate(pairs[:5]):
        kappa = "" if pair.kappa is None else f", Cohen's kappa {pair.kappa:.2f}"
        line(
            f"{plain(pair.first)} and {plain(pair.second)}: the same on {pair.n_same:,} of {pair.n:,} "
            f"({share_words(pair.n_same, pair.n)}){kappa}",
            "Settle" if pair.n_same < pair.n else None,
            f"overview_agreement_{i}",
            lambda pair=pair: start(project, "annotators", first=pair.first, second=pair.second),
        )


def _draw(figure: Any, rows: list[dict[str, Any]], name: str, alt: str) -> None:
    show(figure, rows, name, f"overview_{name}", alt=alt)


page()
