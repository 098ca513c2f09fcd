"""What in the corpus is worth a look, line by line, each with the way to where one acts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.labeling.state import UNLABELLED
from embtune.project import Project
from embtune.work.clustering import AT_ONCE as CLUSTERS_AT_ONCE
from embtune.work.finding import AT_ONCE, known_label_errors, quick_to_check
from pages.shared.jobs import ended_card, job_card, last_job, running_job
from pages.shared.layout import plain
from pages.shared.overview_charts import quiet
from pages.shared.session_state import open_session

UNSURE = 0.6
MOST_CLUSTERS = 5
MOST_IN_SESSION = 200
NOTE = "overview_note"


def worth_a_look(project: Project) -> None:
    """List what a person may want to see next, each with the way there."""
    st.markdown("##### Worth a look")
    if project.find_embedding("raw") is None:
        quiet("Embed the records first: all of this is read from their vectors.")
        return
    unsure_line(project)
    errors_line(project)
    flagged_line(project)
    compared_lines(project)
    clusters_lines(project)


def line(
    text: str,
    action: str | None,
    key: str,
    on_click: Callable[[], None],
    *,
    help: str | None = None,  # noqa: A002
) -> None:
    """Draw one finding and its button."""
    left, right = st.columns([3.2, 1], vertical_alignment="center", gap="small")
    left.markdown(text, help=help)
    if action is not None and right.button(action, key=key, width="stretch"):
        on_click()


def start(project: Project, kind: str, **options: Any) -> None:
    """Make a session of a kind and open it; what stands against it is told on the page."""
    try:
        session = project.sessions_book.create_of(kind, **options)
    except EmbtuneError as error:
        st.session_state[NOTE] = plain(str(error))
        st.rerun()
    open_session(session)
    st.switch_page("pages/sessions.py")


def unsure_line(project: Project) -> None:
    """Count the records that the model hardly knows."""
    found = predictions(project)
    if found is None:
        line(
            "No prediction yet: that takes two labels. Typical records are a good beginning",
            "Begin",
            "overview_typical",
            lambda: start(project, "typical"),
        )
        return
    rest = project.label_state().label_ids[: len(found[1])] == UNLABELLED
    n = int((found[1][rest] < UNSURE).sum())
    line(
        f"**{n:,}** without a label of which the model is less than {100 * UNSURE:.0f} % sure",
        "Label" if n else None,
        "overview_unsure",
        lambda: start(project, "uncertain"),
    )


def errors_line(project: Project) -> None:
    """Count the labels that are likely wrong; many labels are checked only when asked to."""
    found, fresh = known_label_errors(project)
    asked = st.session_state.pop("overview_check", False)
    if not fresh and (asked or quick_to_check(project)):
        with st.spinner("Checking the labels …"):
            found, fresh = project.label_errors(), True
    if found is None:
        line(
            "Likely label errors are not looked for yet",
            "Look",
            "overview_check_button",
            lambda: (st.session_state.update(overview_check=True), st.rerun()),
        )
        return
    if not found.n_labels:
        return
    errors = f"**{len(found):,}** likely label error{'' if len(found) == 1 else 's'}"
    line(
        f"{errors} among {found.n_labels:,}{'' if fresh else ', before the last changes'}",
        "Review" if len(found) else None,
        "overview_errors",
        lambda: start(project, "errors", n=MOST_IN_SESSION),
        help="Labels that models which have not seen them would not give",
    )


def flagged_line(project: Project) -> None:
    """Count the flagged records."""
    rows = project.flagged_rows()
    if len(rows):
        line(
            f"**{len(rows):,}** flagged",
            "Review",
            "overview_flagged",
            lambda: _open(project, project.create_session(rows, "Flagged records", kind="list")),
        )


def compared_lines(project: Project) -> None:
    """Near-duplicates and outliers: read from every record's nearest, which big corpora find in a job."""
    make = project.require_embedding("raw").n_rows <= AT_ONCE and project.n_records > 1
    job = running_job(project, "duplicates")
    if job is not None:
        job_card(project, job.id, key="overview_")
    elif (last := last_job(project, "duplicates")) is not None:
        ended_card(project, last)
    with st.spinner("Comparing the records …"):
        groups = project.near_duplicates(make=make) if project.n_records > 1 else None
        active = project.active_embedding
        scores = project.outlier_scores(active, make=make) if project.n_records > 1 else None
    missing = next((name for name, found in (("raw", groups), (active, scores)) if found is None), None)
    if missing is not None and project.n_records > 1 and job is None:
        line(
            "Near-duplicates and outliers are not looked for yet",
            "Compare",
            "overview_compare",
            lambda: (project.start("duplicates", embedding=missing), st.rerun()),
            help=f"Compares all {project.n_records:,} records with each other, as a job beside",
        )
    if groups is not None:
        labelled = project.label_state().label_ids[groups.rows] != UNLABELLED
        n_open = int((~labelled).sum())
        line(
            f"**{len(groups):,}** group{'' if len(groups) == 1 else 's'} of near-duplicates, "
            f"{len(groups.rows):,} records, {n_open:,} without an answer"
            if len(groups)
            else "**No** near-duplicates",
            "Label" if n_open else "Look" if len(groups) else None,
            "overview_duplicates",
            lambda: start(
                project,
                "duplicates",
                threshold=groups.threshold,
                embedding="raw",
                n=max(MOST_IN_SESSION, int(groups.sizes.max(initial=0))),
            ),
            help=f"Cosine {groups.threshold:.3f} or more under raw, joined into groups",
        )
    if scores is not None:
        line(
            "The oddest records: broken texts, other languages, rare subjects",
            "Look",
            "overview_outliers",
            lambda: start(project, "outliers", n=50),
            help="Those farthest from their nearest, and farther than these are from theirs",
        )


def clusters_lines(project: Project) -> None:
    """List the biggest clusters that hardly have a label."""
    active = project.require_embedding("active")
    make = active.n_rows <= CLUSTERS_AT_ONCE["kmeans"]
    known = [one for one in project.clusterings() if one.embedding == active.name and not one.outdated]
    if known:
        clustering = known[0]
    else:
        with st.spinner("Finding clusters …"):
            clustering = project.clusters(active.name, make=make)
    st.markdown("##### Biggest clusters without labels")
    if clustering is None:
        job = running_job(project, "clusters")
        if job is not None:
            job_card(project, job.id, key="overview_clusters_")
            return
        line(
            "Clusters are not looked for yet",
            "Find",
            "overview_clusters",
            lambda: (project.start("clusters", embedding=active.name), st.rerun()),
        )
        return
    bare = [one for one in project.cluster_lines(clustering) if one.labelled == 0][:MOST_CLUSTERS]
    if not bare:
        quiet(f"Each of the {len(clustering.names):,} clusters has a label.")
    for one in bare:
        line(
            f"{plain(one.name)} · **{one.size:,}**",
            "Label",
            f"overview_cluster_{one.cluster}",
            lambda cluster=one.cluster: start(
                project,
                "cluster",
                cluster=cluster,
                embedding=clustering.embedding,
                method=clustering.method,
                k=clustering.parameters.get("k"),
            ),
        )
    if st.button("All clusters on the map", key="overview_map", type="tertiary"):
        st.session_state["map_kept_color"] = "cluster"
        st.session_state["map_kept_embedding"] = clustering.embedding
        st.switch_page("pages/map.py")


def _open(project: Project, session: int) -> None:
    open_session(session)
    st.switch_page("pages/sessions.py")


def predictions(project: Project) -> Any:
    """Return the newest predictions there are; only the very first are waited for."""
    if project.find_embedding("raw") is None:
        return None
    return project.recent_predictions() or project.quick_predictions()
