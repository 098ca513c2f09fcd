"""Tune: which labels, which recipe, watch it learn, and the versions it made."""

import time

import streamlit as st

from embtune.store.jobs import JobRow
from embtune.work.promoting import verdict_of
from pages.shared.base_models import which_base_model
from pages.shared.charts import live_loss
from pages.shared.device import device_line
from pages.shared.jobs import ended_card, job_card, last_job, running_job
from pages.shared.layout import title, told
from pages.shared.learning import worth_labelling
from pages.shared.state import require_project
from pages.shared.tune_form import labels_card, recipe_form
from pages.shared.versions import tried_table, version_cards

_RECENT_SECONDS = 900


def _learning(job: JobRow) -> None:
    """Draw the live loss curves under the job's progress, or what was tried so far."""
    if job.detail.get("tried"):
        tried_table(job.detail["tried"])
        return
    curve, best = job.detail.get("curve", []), job.detail.get("best_epoch")
    if not curve:
        if job.unit == "epochs":
            st.caption("The loss curves appear with the first epoch. Loading libraries takes a few seconds.")
        return
    last = curve[-1]
    parts = [f"epoch {int(last['epoch']):,}", f"training loss {last['train_loss']:.4f}"]
    if "validation_loss" in last:
        parts.append(f"validation loss {last['validation_loss']:.4f}")
    if best:
        parts.append(f"best so far: epoch {best:,}")
    st.caption(" · ".join(parts) + ". It ends by itself when it learns nothing more.")
    live_loss(curve)


def _outcome(job: JobRow) -> None:
    """Say what a tuning that just ended has brought, and where to see it."""
    if job.state != "done" or not job.result or time.time() - (job.finished_at or 0) > _RECENT_SECONDS:
        return
    name = job.result.get("version")
    version = next((version for version in project.versions if version.name == name), None)
    if version is None:
        return
    active = project.active_embedding
    after = "it is the active embedding now" if active == name else f"{active} stays active"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{name}** is ready: {verdict_of(version).short}; {after}.", width="content")
        st.page_link("pages/map.py", label="See it on the map", icon=":material/scatter_plot:")
        st.page_link("pages/neighbors.py", label="Compare neighbours", icon=":material/join_inner:")
        st.page_link("pages/evaluate.py", label="What changed", icon=":material/compare_arrows:")


project = require_project(embedded=True)
left, right = st.columns([2, 3], vertical_alignment="bottom")
with left:
    title("Tune")
device_slot = right.container()

job = running_job(project, "tune")
left, right = st.columns(2)
with left:
    enough, chosen = labels_card(project)
with right, st.container(border=True, height="stretch"):
    recipe, parameters, seed = recipe_form()
    if st.button(
        "Tune" if job is None else "Tuning …",
        type="primary",
        key="tune_start",
        disabled=job is not None or not enough,
        width=160,
    ):
        with told():
            project.start(
                "tune",
                recipe=recipe.name,
                seed=seed,
                parameters=parameters,
                **chosen,
            )
            st.rerun()

if job is not None:
    job_card(project, job.id, more=_learning, key="tune_")
else:
    last = last_job(project, "tune")
    if last is not None:
        if time.time() - (last.finished_at or 0) < _RECENT_SECONDS:
            ended_card(project, last)
        _outcome(last)

if project.versions:
    st.subheader("Versions", anchor=False)
    version_cards(project)
else:
    st.caption(
        "No version yet. A version is a second embedding of the same records: map, neighbours and search "
        "offer it beside raw, and nothing is lost."
    )
worth_labelling(project)
which_base_model(project)
with device_slot:
    device_line(project)
