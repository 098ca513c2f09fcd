"""The tuned versions as cards: what they learned from, how good they are, and what to do with them."""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

from embtune.project import Project
from embtune.store.artifacts import VersionRow
from embtune.work.promoting import verdict_of
from pages.shared.chips import chip, colors
from pages.shared.jobs import ago, duration
from pages.shared.later_records import later_words
from pages.shared.layout import told
from pages.shared.state import embedding_title


def version_cards(project: Project) -> None:
    """Draw one card per version, newest first, and the raw embedding at the end."""
    active = project.active_embedding
    for version in reversed(project.versions):
        with st.container(border=True, key=f"tune_card_{version.name}"):
            left, right = st.columns([5, 3], vertical_alignment="center")
            with left:
                st.html(_card(project, version))
            with right, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
                _actions(project, version, active)
    raw = project.find_embedding("raw")
    if raw is None or not project.versions:
        return
    with st.container(border=True):
        left, right = st.columns([5, 3], vertical_alignment="center")
        left.html(
            f"<b>raw</b> <span class='quiet'>{'· active ' if active == 'raw' else ''}"
            f"· {escape(raw.model)}, {raw.dim:,} numbers a record</span>"
        )
        if active != "raw":
            with right, st.container(horizontal=True, horizontal_alignment="right"):
                st.button("Back to raw", key="tune_back", on_click=project.activate, args=("raw",))


def _card(project: Project, version: VersionRow) -> str:
    about = [
        ago(version.created_at),
        version.recipe,
        f"{version.labels.get('n', 0):,} labels"
        + (f" of slice {version.labels['slice']}" if "slice" in version.labels else ""),
        duration(version.seconds),
        version.device,
    ]
    lines = [
        f"<b style='font-size:1.1em'>{escape(embedding_title(project, version.name))}</b> "
        f"<span class='quiet'>· {' · '.join(escape(part) for part in about)}</span>",
        verdict_line(version),
    ]
    if scores := score_line(version):
        lines.append(scores)
    if later := project.n_appended(version.name):
        lines.append(f"<span class='quiet'>{later_words(later)}</span>")
    if "by_hand" in version.gate:
        lines.append(
            f"<span class='quiet'>Made active by hand by {escape(str(version.gate['by_hand']['by']))}, "
            f"{ago(version.gate['by_hand']['at'])}.</span>"
        )
    told = version.metrics.get("report", {})
    if told.get("chosen"):
        lines.append(
            f"What won: <b>{escape(str(told['chosen']))}</b>. "
            f"<span class='quiet'>{escape(str(told.get('reason', '')))}</span>",
        )
    return "<div class='num' style='line-height:1.65'>" + "<br>".join(lines) + "</div>"


def verdict_line(version: VersionRow) -> str:
    """Return the verdict over a version in HTML: its words bold, why in small print."""
    verdict = verdict_of(version)
    words = verdict.short[:1].upper() + verdict.short[1:]
    rest = verdict.sentence.removeprefix(words)
    return f"<b>{escape(words)}</b><span class='quiet'>{escape(rest)}</span>"


def score_line(version: VersionRow) -> str:
    """Return a version's scores beside raw's, in one line of HTML: figures alone, for the verdict judges."""
    metrics = version.metrics
    if not metrics.get("measured_on"):
        return ""
    k = str(metrics["main_k"])
    line = f"top_{int(k):,} <b>{_percent(metrics['top_k'][k])}</b> · raw {_percent(metrics['raw_top_k'][k])}"
    right = metrics.get("accuracy")
    if right:
        line += f" · quick model right on <b>{_percent(right['new'])}</b> · raw {_percent(right['raw'])}"
    return line


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _actions(project: Project, version: VersionRow, active: str) -> None:
    name = version.name
    before = project.before_active() if name == active else None
    if before is not None:
        st.button(
            f"Roll back to {before}",
            key=f"tune_roll_back_{name}",
            help="Makes it the active embedding again, at once; nothing is lost.",
            on_click=project.activate,
            args=(before,),
        )
    if name != active:
        st.button("Make active", key=f"tune_activate_{name}", on_click=project.activate, args=(name,))
    if st.button("Compare", key=f"tune_compare_{name}", help="Measure it against raw"):
        st.session_state["evaluate_a"] = "raw"
        st.session_state["evaluate_b"] = name
        st.switch_page("pages/evaluate.py", query_params={"project": project.name})
    if st.button("Export", key=f"tune_export_{name}", help="Hand over the model"):
        st.session_state["export_model_version"] = name
        st.switch_page("pages/export.py", query_params={"project": project.name})
    if st.button("Details", key=f"tune_details_{name}"):
        _details(project, name)


@st.dialog("Version", width="large")
def _details(project: Project, name: str) -> None:
    from pages.shared.charts import loss_curves, show

    if name not in [version.name for version in project.versions]:
        st.rerun()  # deleted from this very dialog: close it
    version = project.version(name)
    color = colors(project)
    st.html(_card(project, version))
    for warning in version.warnings:
        st.warning(warning, icon=":material/info:")
    counts = version.labels.get("counts", {})
    sources = " · ".join(f"{key} {n:,}" for key, n in version.labels.get("by_source", {}).items())
    st.html(
        "<div style='line-height:2.1'>Learned from "
        + " ".join(chip(f"{key} {n:,}", color.get(key)) for key, n in counts.items())
        + f" <span class='quiet'>{escape(sources)}</span></div>"
    )
    if version.curve:
        show(
            loss_curves(version.curve, best_epoch(version.curve)),
            version.curve,
            f"{project.name}-{name}-loss",
            f"tune_curve_{name}",
            alt="Training and validation loss over epochs",
        )
    told = version.metrics.get("report", {})
    if told.get("tried"):
        st.markdown("**What was tried**")
        tried_table(told["tried"])
        notes = [told.get("encoder", "")]
        if told.get("not_tried"):
            notes.append("Not tried for want of time: " + ", ".join(told["not_tried"]) + ".")
        st.caption("  \n".join(note for note in notes if note))
    left, right = st.columns(2)
    left.markdown("**Parameters**")
    left.dataframe(_table({**version.parameters, "seed": version.seed}), hide_index=True, height="content")
    right.markdown("**Libraries**")
    right.dataframe(_table(version.libraries), hide_index=True, height="content")
    _delete(project, name)


def tried_table(rows: list[dict[str, Any]]) -> None:
    """Show ways that were tried, the best on held-out labels first."""
    shown = [
        {
            "": "used" if row.get("chosen") else "",
            "way": row["name"],
            "right on held-out labels": f"{100 * row['accuracy']:.1f} %",
        }
        | (
            {
                "differs from the first, on held-out labels": f"{100 * row['differs_here']:.1f} %",
                "… on unlabelled records": f"{100 * row['differs_elsewhere']:.1f} %",
            }
            if "differs_here" in row
            else {}
        )
        for row in sorted(rows, key=lambda row: -row.get("accuracy", 0))
        if "accuracy" in row
    ]
    if shown:
        st.dataframe(shown, hide_index=True, height="content")


def best_epoch(curve: Any) -> int | None:
    """Return the epoch with the lowest validation loss (training loss where there is none)."""
    if not curve:
        return None
    best = min(curve, key=lambda point: point.get("validation_loss", point["train_loss"]))
    return int(best["epoch"])


def _table(values: dict[str, Any]) -> list[dict[str, str]]:
    return [{"name": key, "value": str(value)} for key, value in values.items()]


def _delete(project: Project, name: str) -> None:
    if project.active_embedding == name:
        st.caption(f"{name} is the active embedding; to delete it, make another one active first.")
        return
    with st.popover(f"Delete {name} …"):
        st.markdown(f"{name}, its maps and its scores go for good. Labels and exported files stay.")
        if st.button(f"Delete {name}", key=f"tune_delete_{name}", on_click=_delete_now, args=(project, name)):
            st.rerun()


def _delete_now(project: Project, name: str) -> None:
    with told():
        project.delete_version(name)
