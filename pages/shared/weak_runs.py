"""The runs of weak supervision: look at one, put it in force or none, and compare two."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.project import Project
from embtune.store.weak_runs import WeakRun
from pages.shared.charts import RAW_COLOR, TUNED_COLOR
from pages.shared.layout import plain
from pages.shared.weak_chosen import at, finished, show_run, threshold_of, title_of
from pages.shared.weak_form import NOTE
from pages.shared.weak_sessions import agreement, open_differing

_SHOWN = 8
_ALL = "weak_all_runs"


def runs_list(project: Project, runs: Sequence[WeakRun], shown: WeakRun, *, running: bool) -> None:
    """Draw the runs, newest first, each with what can be done with it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader("Runs", anchor=False, width="content")
        st.caption("Nothing is lost by putting another one in force, or none.", width="stretch")
        if any(run.stands for run in runs):
            st.button(
                "Take the labels back",
                key="weak_none_in_force",
                icon=":material/undo:",
                help="No run is in force then: records that people labelled keep their labels, the others "
                "have none of weak supervision.",
                disabled=running,
                on_click=_put_in_force,
                args=(project, None),
            )
    some = runs if st.session_state.get(_ALL) else runs[:_SHOWN]
    with st.container(border=True, gap="small"):
        for run in some:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.html(_line(project, run, here=run.id == shown.id), width="stretch")
                if run.id != shown.id:
                    st.button("Look at", key=f"weak_show_{run.id}", on_click=show_run, args=(project, run.id))
                if not run.stands:
                    st.button(
                        "Put in force",
                        key=f"weak_force_{run.id}",
                        disabled=running or run.action_id is None,
                        on_click=_put_in_force,
                        args=(project, run.id),
                    )
    if len(some) < len(runs):
        st.button(f"Show all {len(runs):,} runs", key="weak_show_all", on_click=_show_all)


def _line(project: Project, run: WeakRun, *, here: bool) -> str:
    score = next((one for one in run.metrics.get("scores") or () if one["name"] == run.model), None)
    parts = [f"{run.n_labelled:,} labels", f"{len(run.heuristics):,} heuristics"]
    if score is not None and score["n"]:
        parts.append(
            f"{100 * score['accuracy']:.1f} % right of {score['n']:,} from {threshold_of(run):.2f} on"
        )
    parts += [at(finished(run)), f"by {run.created_by}"]
    chip = (
        f" <span class='chip' style='border-color:{TUNED_COLOR};background:{TUNED_COLOR}26'>in force</span>"
        if run.stands
        else ""
    )
    mark = f" <span class='chip' style='border-color:{RAW_COLOR}'>shown above</span>" if here else ""
    return (
        f"<b>{run.id:,} · {escape(title_of(project, run.model))}</b>{chip}{mark}"
        f"<br><span class='quiet num'>{escape(' · '.join(parts))}</span>"
    )


def _put_in_force(project: Project, number: int | None) -> None:
    try:
        project.weak.put_in_force(number)
    except EmbtuneError as error:
        st.session_state[NOTE] = plain(str(error))


def _show_all() -> None:
    st.session_state[_ALL] = True


def compare_two(project: Project, runs: Sequence[WeakRun]) -> None:
    """Let the person choose two runs; say how far they agree, and open where they do not."""
    if len(runs) < 2:
        return
    known = {run.id: run for run in runs}
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown("**Compare**", width="content")
            chosen = [
                st.selectbox(
                    label,
                    list(known),
                    index=index,
                    format_func=lambda number: f"{number:,} · {title_of(project, known[number].model)}",
                    key=f"weak_compare_{'ab'[index]}_{project.id}_{project.task.id}_{len(runs)}",
                    label_visibility="collapsed",
                    width=300,
                )
                for index, label in enumerate(("First run", "Second run"))
            ]
        first, second = (known[number] for number in chosen)
        if first.id == second.id:
            st.caption("Choose two different runs.")
            return
        try:
            n = agreement(project, first, second)
        except EmbtuneError as error:  # a file is gone
            st.error(plain(str(error)), icon=":material/error:")
            return
        st.markdown(in_words(first.id, second.id, n))
        if n["differ"]:
            st.button(
                f"Open the {n['differ']:,} that differ",
                key="weak_open_differing",
                icon=":material/difference:",
                on_click=_open_differing,
                args=(project, first, second),
            )


def in_words(first: int, second: int, n: dict[str, int]) -> str:
    """Say how far two runs agree."""
    both = n["same"] + n["differ"]
    if not both:
        return f"Runs {first:,} and {second:,} have no labelled record in common."
    said = (
        f"Of {both:,} records that both label, **{n['same']:,}** ({100 * n['same'] / both:.1f} %) get the "
        f"same label and **{n['differ']:,}** another one."
    )
    alone = [
        f"Run {run:,} alone labels {n[of]:,} more."
        for of, run in (("first", first), ("second", second))
        if n[of]
    ]
    return " ".join([said, *alone])


def _open_differing(project: Project, first: WeakRun, second: WeakRun) -> None:
    try:
        open_differing(project, first, second)
    except EmbtuneError as error:
        st.session_state[NOTE] = plain(str(error))
