"""The clusters beside the map: what each is about, how far it is labelled, one click to take all of it."""

from __future__ import annotations

import streamlit as st

from embtune.exploring.clusters import FEWEST, suggested_k, suggested_size
from embtune.project import Project
from embtune.work.clustering import AT_ONCE, METHODS, Clustering, ClusterLine
from pages.shared.jobs import ago, ended_card, job_card, last_job, running_job
from pages.shared.layout import told

TABLE = "map_clusters_table"
_TIMES = "map_clusters_times"
_HEIGHT = 460


def shown_clustering(project: Project, embedding: str) -> Clustering | None:
    """Return the clusters to colour by: the chosen ones, else the newest, else made now if that is quick."""
    known = _known(project, embedding)
    if known:
        chosen = st.session_state.get(_choice(known))
        return next((one for one in known if one.id == chosen), known[0])
    if project.require_embedding(embedding).n_rows > AT_ONCE["kmeans"]:
        return None
    with st.spinner("Finding clusters …"):
        return project.clusters(embedding)


def clusters_panel(
    project: Project,
    embedding: str,
    clustering: Clustering | None,
) -> None:
    """List the clusters, or say how to get them; `clicked_line` tells which one was clicked."""
    job = running_job(project, "clusters")
    if job is not None:
        job_card(project, job.id, key="map_clusters_")
    elif (last := last_job(project, "clusters")) is not None:
        ended_card(project, last)
    if clustering is None:
        n = project.require_embedding(embedding).n_rows
        st.markdown(f"### Clusters of {embedding}")
        st.markdown(
            f"Clusters part the {n:,} records by their vectors, and name each part by its telling words."
        )
        _again(project, embedding, None, first=True)
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"### {len(clustering.names):,} clusters", width="content")
        st.space("stretch")
        _again(project, embedding, clustering)
    _about(project, embedding, clustering)
    lines = project.cluster_lines(clustering)
    if not lines:
        st.markdown("No region is dense enough to be a cluster: ask for smaller ones, or use k-means.")
        return
    _table(lines)
    st.caption("Click a cluster to select all its records, then label them or start a session.")


def _about(project: Project, embedding: str, clustering: Clustering) -> None:
    """Say how the clusters were made, whether they are of now, and let the person choose among several."""
    known = _known(project, embedding)
    if len(known) > 1:
        titles = {one.id: f"{_title(one)}, {ago(one.created_at)}" for one in known}
        st.selectbox(
            "Clusters",
            list(titles),
            key=_choice(known),
            format_func=titles.get,
            label_visibility="collapsed",
        )
    else:
        st.caption(f"{_title(clustering)}, found {ago(clustering.created_at)}")
    if clustering.outdated:
        st.warning("The embedding has changed since: newer records are in no cluster. Find them again.")


def _known(project: Project, embedding: str) -> list[Clustering]:
    return [one for one in project.clusterings() if one.embedding == embedding]


def _choice(known: list[Clustering]) -> str:
    """Name the choice among clusterings, by the newest: when there is a newer one, that one is shown."""
    return f"map_clustering_{known[0].id}"


def _title(one: Clustering) -> str:
    if one.method == "kmeans":
        return f"{len(one.names)} by k-means"
    return f"{len(one.names)} by density, at least {one.parameters.get('least', 0):,} records each"


def _table(lines: list[ClusterLine]) -> None:
    rows = [
        {
            "Cluster": line.name,
            "n": line.size,
            "labelled": 100 * line.labelled,
            "purity": None if line.purity is None else 100 * line.purity,
            "predicted": line.label,
        }
        for line in lines
    ]
    predicted = any(line.purity is not None for line in lines)
    if not predicted:
        rows = [{name: row[name] for name in ("Cluster", "n", "labelled")} for row in rows]
    st.dataframe(
        rows,
        key=_table_key(),
        hide_index=True,
        height=min(_HEIGHT, 37 + 35 * len(rows)),
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "Cluster": st.column_config.TextColumn(width=150),
            "n": st.column_config.NumberColumn(format="localized", width=48, help="Its records"),
            "labelled": st.column_config.NumberColumn(
                format="%.0f %%", width=58, help="Share of its records that have a label"
            ),
            "purity": st.column_config.NumberColumn(
                format="%.0f %%", width=52, help="Share of its records with the prediction most of them have"
            ),
            "predicted": st.column_config.TextColumn(width="small", help="The prediction most of them have"),
        },
    )


def _table_key() -> str:
    return f"{TABLE}_{st.session_state.get(_TIMES, 0)}"


def forget_line() -> None:
    """Begin a list without a mark: the browser would keep the old one, and a click on it would do nothing."""
    st.session_state[_TIMES] = st.session_state.get(_TIMES, 0) + 1


def clicked_line() -> int | None:
    """Return the cluster whose line in the list is marked, at its box or in a cell."""
    selection = (st.session_state.get(_table_key()) or {}).get("selection") or {}
    for place in selection.get("rows") or ():
        return int(place)
    for cell in selection.get("cells") or ():
        return int(cell[0])
    return None


def _again(project: Project, embedding: str, clustering: Clustering | None, *, first: bool = False) -> None:
    """Offer to find clusters in another way."""
    n = project.require_embedding(embedding).n_rows
    with st.popover("Find clusters" if first else "Find again", icon=":material/bubble_chart:"):
        method = st.segmented_control(
            "Method",
            list(METHODS),
            default=clustering.method if clustering else "kmeans",
            format_func=METHODS.get,
            required=True,
            key="map_clusters_method",
        )
        if method == "kmeans":
            options = {
                "k": st.number_input(
                    "Clusters", 1, max(1, min(n, 500)), suggested_k(n), key="map_clusters_k",
                    help=f"Fewer than {FEWEST} say little; more than 60 are hard to read.",
                )
            }  # fmt: skip
        else:
            options = {
                "least": st.number_input(
                    "Fewest records in a cluster", 2, max(2, n), suggested_size(n), key="map_clusters_least"
                )
            }
            st.caption("Records between the dense regions are in no cluster.")
        if st.button("Find clusters", type="primary", key="map_clusters_find"):
            with told():
                _find(project, embedding, method, options)


def _find(project: Project, embedding: str, method: str, options: dict[str, int]) -> None:
    n = project.require_embedding(embedding).n_rows
    if n > AT_ONCE[method]:
        project.start("clusters", embedding=embedding, method=method, **options)
    else:
        with st.spinner("Finding clusters …"):
            found = project.clusters(embedding, method, **options)
        known = _known(project, embedding)
        if found is not None and len(known) > 1:
            st.session_state[_choice(known)] = found.id
    st.rerun()
