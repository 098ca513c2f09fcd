"""What the editor shows of Python code and of language models: both need the operator's word."""

from __future__ import annotations

from typing import Any

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.project import Project
from pages.shared.heuristic_drafts import Draft
from pages.shared.heuristic_models import start as start_model
from pages.shared.heuristic_rules import labels_choice
from pages.shared.layout import plain

_SOURCE = """def vote(record):
    # Return a label's name, or None where there is nothing to say.
    text = record["text"].lower()
    if {word} in text:
        return {label}
    return None
"""
_PROMPT = "Which label fits this text?\n\n{text}"


def start(project: Project, kind: str) -> dict[str, Any]:
    """Return the configuration that a new one begins with."""
    config = start_model(project, kind)
    if kind == "code":
        label = project.labels[0].name if project.labels else "Label"
        config["source"] = _SOURCE.format(word=repr(label.lower()), label=repr(label))
    elif not config.get("prompt"):
        config["prompt"] = _PROMPT
    return config


def why_not(project: Project, kind: str) -> str | None:
    """Say why a kind cannot run here; None if it can."""
    settings = project.settings
    if kind == "code" and not settings.allow_code:
        return "Python code is switched off here."
    if kind == "llm" and not settings.llm_url:
        return "No language model is configured here."
    return None


def code(project: Project, draft: Draft) -> None:
    """A function, in a font of one width."""
    if not project.settings.allow_code:
        with st.container(border=True):
            st.markdown(
                "**Python code is switched off here.** It can be written and saved, but not run. Whoever "
                "runs "
                "embtune allows it with `EMBTUNE_ALLOW_CODE=1` in the environment, and starts it again. It "
                "then "
                "runs in a process of its own, with limits on time, memory and files."
            )
    st.html(
        f"<style>.st-key-{draft.key('source')} textarea "
        f"{{font-family: ui-monospace, 'DejaVu Sans Mono', Menlo, "
        "Consolas, monospace; font-size: .86rem; line-height: 1.5; tab-size: 4;}</style>"
    )
    st.text_area(
        "Code",
        height=280,
        help="A function `vote(record)`; `record` holds the fields and `text`. It returns a label's name, "
        "None, or "
        "(name, confidence).",
        **draft.bound("source"),
    )
    names = ", ".join(f"`{name}`" for name in ["text", *project.field_names][:8])
    st.caption(f"A record holds {names}. It may return {_labels(project)} or None.")
    with st.expander("Limits"):
        left, middle, right = st.columns(3)
        left.number_input(
            "Seconds a record",
            0.1,
            60.0,
            **draft.bound("seconds_a_record", float),
        )
        middle.number_input("Seconds a run", 1.0, 86_400.0, **draft.bound("seconds", float))
        right.number_input("Memory, MiB", 64, 65_536, step=64, **draft.bound("memory_mb", int))


def _labels(project: Project) -> str:
    names = [label.name for label in project.labels]
    return ", ".join(f'"{plain(name)}"' for name in names[:5]) + (
        f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    )


def llm(project: Project, draft: Draft) -> None:
    """A prompt, and the labels a language model chooses from."""
    settings = project.settings
    if not settings.llm_url:
        with st.container(border=True):
            st.markdown(
                "**No language model is configured here.** Whoever runs embtune sets, in the environment, "
                "`EMBTUNE_LLM_URL` (any address that speaks OpenAI's protocol, such as "
                "`http://localhost:11434/v1`), `EMBTUNE_LLM_MODEL`, and `EMBTUNE_LLM_KEY` if it wants a key, "
                "and starts it again."
            )
    else:
        st.warning(
            f"The records' texts leave this machine: they are sent to `{address(project)}`.",
            icon=":material/cloud_upload:",
        )
    st.text_area(
        "Prompt",
        height=150,
        help="{text} and the names of fields in braces stand for a record's values, {labels} for the "
        "labels. How "
        "to answer is added below it.",
        **draft.bound("prompt"),
    )
    labels_choice(project, draft, "Chooses from")
    left, right = st.columns(2)
    left.text_input(
        "Model",
        placeholder=settings.llm_model or "its name",
        **draft.bound("model", lambda value: value or ""),
    )
    right.number_input(
        "Ask at most about",
        1,
        None,
        value=None,
        placeholder="all records",
        help="Different questions that this prompt may ever cost; on other records it abstains.",
        **draft.bound("max_records"),
    )
    st.slider(
        "Votes from this confidence on",
        0.0,
        1.0,
        step=0.01,
        **draft.bound("min_confidence", float),
    )


def address(project: Project) -> str:
    """Return the address that texts are sent to, without what is secret in it."""
    from embtune.heuristics.llm_client import shown

    return shown(project.settings.llm_url or "")


@st.dialog("Ask the language model")
def ask_dialog(project: Project, number: int) -> None:
    """Say what a run over all records sends and costs, before it starts."""
    found = project.heuristics.get(number)
    try:
        told = project.heuristics.estimate(found.kind, found.config)
    except EmbtuneError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    n = told["requests"]
    st.markdown(
        f"**{n:,} request{'' if n == 1 else 's'}** with records' texts leave this machine for "
        f"`{address(project)}`."
    )
    st.markdown("\n".join(f"- {line}" for line in estimate_lines(told)))
    if st.button(
        f"Send {n:,} request{'' if n == 1 else 's'}" if n else "Run with the answers there are",
        key="heuristics_ask_sure",
        type="primary",
    ):
        try:
            project.heuristics.start([found.id])
        except EmbtuneError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        st.rerun()


def estimate_lines(told: dict[str, Any]) -> list[str]:
    """Say what a run would take, line by line."""
    lines = [f"about {told['tokens_in']:,} tokens sent and {told['tokens_out']:,} answered"]
    if told["cost"] is not None:
        lines.append(f"about {told['cost']:,.2f} at the configured price")
    else:
        lines.append("its cost is not known: no price is configured (`EMBTUNE_LLM_PRICE_IN`, `…_OUT`)")
    minutes = told["minutes"]
    lines.append(
        f"at least {minutes:,.0f} minutes at the permitted rate" if minutes >= 1 else "less than a minute"
    )
    if told["from_cache"]:
        lines.append(f"{told['from_cache']:,} were answered before and cost nothing")
    if told["not_asked"]:
        lines.append(f"{told['not_asked']:,} are not asked, above the heuristic's limit")
    return lines
