"""What a run of weak supervision is worth: in numbers, in a sentence, and beside every other way."""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

from embtune.project import Project
from embtune.store.weak_runs import WeakRun
from embtune.work.refinery import MODEL as REFINERY
from pages.shared.charts import RAW_COLOR, TUNED_COLOR, apply_style, graph_objects, show
from pages.shared.jobs import duration
from pages.shared.layout import plain
from pages.shared.weak_chosen import at, changed_since, finished, threshold_of, title_of
from pages.shared.weak_form import start


def run_card(project: Project, run: WeakRun, *, newest: bool) -> None:
    """Draw the run in numbers: what it heard, what it labelled, when, and whether it is in force."""
    metrics, threshold = run.metrics, threshold_of(run)
    numbers = [("heuristics", f"{len(run.heuristics):,}")]
    if "n_voted" in metrics:
        numbers.append(("distinct records with a vote", f"{metrics['n_voted']:,}"))
    numbers.append(("labels", f"{run.n_labelled:,}"))
    if n_beside := metrics.get("n_beside"):
        numbers.append(("beside manual ones, to compare", f"{n_beside:,}"))
    if (sure := _sure(run)) is not None:
        numbers.append((f"from {threshold:.2f} on, of those not labelled by hand", sure))
    with st.container(border=True, height="stretch"):
        state = "in force" if run.stands else "not in force"
        which = "The last run" if newest else f"Run {run.id:,}"
        st.html(
            f"<b>{which}: {escape(title_of(project, run.model))}</b> <span class='chip' style='border-color:"
            f"{TUNED_COLOR if run.stands else RAW_COLOR}'>{state}</span>"
            "<div style='display:grid;grid-template-columns:max-content 1fr;gap:.15rem .9rem;"
            "align-items:baseline;margin:.5rem 0 .5rem'>"
            + "".join(
                f"<span class='num' style='font-size:1.2rem;font-weight:620;text-align:right'>{value}</span>"
                f"<span class='quiet'>{escape(name)}</span>"
                for name, value in numbers
            )
            + f"</div><span class='quiet num'>{escape(_when(run))}</span>"
        )
        if not metrics.get("judged", True):
            st.caption(
                ":material/help: Nothing could check these votes, so the confidence is a guess. Label "
                "records of at least two labels and embed them to have it checked."
            )
        if changed := changed_since(project, run):
            st.caption(f":material/update: {changed}")
        with st.container(horizontal=True, gap="small"):
            if run.stands:
                st.page_link("pages/tune.py", label="Tune on them", icon=":material/tune:")
                st.page_link("pages/export.py", label="Export", icon=":material/output:")


def _sure(run: WeakRun) -> str | None:
    """How many records without a manual label it labels for sure, and their share; None if unknown."""
    share = run.metrics.get("coverage")
    if share is None:
        return None
    threshold = threshold_of(run)
    n = next(
        (one["n"] for one in run.metrics.get("curve", ()) if abs(one["threshold"] - threshold) < 1e-6), None
    )
    return f"{100 * share:.0f} %" if n is None else f"{n:,} ({100 * share:.0f} %)"


def _when(run: WeakRun) -> str:
    if run.model == REFINERY:
        return f"Finished {at(finished(run))}, brought over by {run.created_by} {at(run.created_at)}"
    return (
        f"Started {at(run.created_at - run.seconds)}, finished {at(run.created_at)}, "
        f"took {duration(run.seconds)}, by {run.created_by}"
    )


def truth(project: Project, run: WeakRun, *, running: bool) -> None:
    """Say how right the run is beside the best other way, and offer that where it is better."""
    metrics = run.metrics
    sentence = metrics.get("sentence")
    if sentence is None:
        st.markdown(
            "How often these labels are right was not measured: an imported run brings its labels, not what "
            "they were made of. The figures below compare them with the manual labels; label by the same "
            "heuristics here to have the rest."
        )
        return
    st.header(plain(sentence), anchor=False)
    winner = metrics.get("winner", run.model)
    better = winner != run.model and winner in project.weak.models()
    if better and st.button(
        f"Use {_inside(title_of(project, winner))} instead",
        key="weak_use_winner",
        icon=":material/swap_horiz:",
        disabled=running or project.weak.why_not(winner) is not None,
    ):
        start(project, {**_options(run), "model": winner})
    if not metrics.get("scores"):
        st.page_link("pages/sessions.py", label="Label more records", icon=":material/keyboard:")


def _options(run: WeakRun) -> dict[str, Any]:
    return {name: run.parameters[name] for name in ("threshold", "everywhere") if name in run.parameters}


def _inside(title: str) -> str:
    """A title inside a sentence: a small first letter, except of names."""
    return title if title.startswith(("Snorkel", "Dawid")) else title[0].lower() + title[1:]


def comparison(project: Project, run: WeakRun) -> None:
    """Draw every way to label beside the run's, on as many records each."""
    scores: list[dict[str, Any]] = run.metrics.get("scores") or []
    if not scores:
        return
    name = f"{project.name}-weak-{run.id}-comparison"
    n = scores[0]["n"]
    st.html(
        "<b>Beside other ways</b><br><span class='quiet'>Share right with its 95 % interval, each way on the "
        f"{n:,} records that it is surest of, of {run.metrics['n_measured_on']:,} {_measured_on(run)}.</span>"
    )
    with st.container(key="weak_beside"):
        left, right = st.columns(2, gap="medium")
    with left:
        data = [
            {
                "way": one["title"],
                "right": round(one["accuracy"], 4),
                "low": round(one["low"], 4),
                "high": round(one["high"], 4),
                "records": one["n"],
                "right of all it labels": round(one["accuracy_of_all"], 4),
                "labels of all": round(one["coverage_of_all"], 4),
            }
            for one in scores
        ]
        alt = "Share right of every way to label, with its interval"
        show(_intervals(scores, run.model), data, name, "weak_intervals", alt=alt)
    with right:
        rows = [
            {
                "way": one["title"],
                "right": f"{100 * one['accuracy']:.1f} %",
                "95 % interval": f"{100 * one['low']:.1f} to {100 * one['high']:.1f}",
                "right of all it labels": f"{100 * one['accuracy_of_all']:.1f} %",
                "labels": f"{100 * one['coverage_of_all']:.0f} %",
            }
            for one in scores
        ]
        st.dataframe(rows, hide_index=True, height="content", key="weak_comparison")
        fewer = [one["title"] for one in scores if not one["whole"]]
        if fewer:
            st.caption(f"Labels fewer records than {n:,}, so no match: {', '.join(fewer)}.")
        for reason in run.metrics.get("missing", {}).values():
            st.caption(plain(reason))


def _measured_on(run: WeakRun) -> str:
    return {
        "reference labels": "with a reference label and none of yours",
        "manual labels kept aside": "whose manual label is kept aside",
    }.get(run.metrics.get("measured_on", ""), "that nothing learned from")


def _intervals(scores: list[dict[str, Any]], chosen: str) -> Any:
    go = graph_objects()
    figure = go.Figure()
    for mine in (False, True):
        some = [one for one in scores if (one["name"] == chosen) == mine]
        figure.add_scatter(
            x=[one["accuracy"] for one in some],
            y=[escape(one["title"]) for one in some],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [one["high"] - one["accuracy"] for one in some],
                "arrayminus": [one["accuracy"] - one["low"] for one in some],
                "thickness": 2,
                "width": 5,
            },
            mode="markers",
            marker={"size": 11, "color": TUNED_COLOR if mine else RAW_COLOR},
            customdata=[[one["low"], one["high"], one["n"]] for one in some],
            hovertemplate="%{y}: %{x:.1%} of %{customdata[2]:,} right "
            "(%{customdata[0]:.1%} to %{customdata[1]:.1%})<extra></extra>",
        )
    apply_style(figure, height=60 + 36 * len(scores), x="share right", y="", legend=False)
    figure.update_layout(hovermode="closest", showlegend=False)
    figure.update_xaxes(tickformat=".0%", showgrid=True, gridcolor="rgba(128,136,150,.22)")
    figure.update_yaxes(
        categoryorder="array",
        categoryarray=[escape(one["title"]) for one in reversed(scores)],
        showgrid=False,
    )
    return figure
