"""What goes into a tuning: the labels it would learn from, and the recipe's parameters."""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.project import Project
from embtune.store.artifacts import VersionRow
from embtune.tuning.recipes import RECIPES
from embtune.tuning.recipes.base import Parameter, Recipe
from pages.shared.chips import chip, colors
from pages.shared.layout import plain
from pages.shared.slice_choice import slice_choice

DEFAULT_CONFIDENCE = 0.7
_PREFIX = "tune_"


def labels_card(project: Project) -> tuple[bool, dict[str, Any]]:
    """Show which labels would be used; return whether they suffice, and the options that choose them."""
    with st.container(border=True, height="stretch"):
        within = slice_choice(
            project,
            f"{_PREFIX}slice",
            label="Learn from the labels of",
            help="A version of a slice learns from the labels in it alone; the other records take part "
            "without theirs.",
        )
        bounds: dict[str, Any] = {} if within is None else {"slice": within}
        # The slider stands under the numbers that hang on it, so its value is read before it is drawn.
        threshold = DEFAULT_CONFIDENCE
        slot = st.container()
        recipe = st.session_state.get(f"{_PREFIX}recipe", next(iter(RECIPES)))
        if project.readiness()["n_automatic"]:
            threshold = st.slider(
                "Use automatic labels from this confidence on",
                0.5,
                1.0,
                DEFAULT_CONFIDENCE,
                0.05,
                format="%.2f",
                key=f"{_PREFIX}confidence",
                bind="query-params",
                help="Labels that a person gave are always used.",
            )
            if not st.toggle(
                "Weigh weak labels by their confidence",
                True,
                key=f"{_PREFIX}weigh",
                bind="query-params",
                help="A label of 0.8 then counts 0.8 of one that a person gave; without it, as much.",
            ):
                bounds["weight_by_confidence"] = False
        options = {"min_confidence": threshold, **bounds}
        try:
            ready = project.readiness(recipe=recipe, **options)
        except EmbtuneError as error:  # of the slice: empty, or not to be answered now
            slot.error(plain(str(error)), icon=":material/error:")
            return False, options
        with slot:
            _labels(project, ready, threshold, within)
        if ready["missing"]:
            st.warning("  \n".join(ready["missing"]), icon=":material/label:")
            with st.container(horizontal=True):
                st.page_link("pages/map.py", label="Label groups on the map", icon=":material/scatter_plot:")
                st.page_link("pages/sessions.py", label="Label one by one", icon=":material/keyboard:")
    return ready["enough"], options


def _labels(project: Project, ready: dict[str, Any], min_confidence: float, within: str | None) -> None:
    color = colors(project)
    st.markdown(f"**Labels to learn from: {ready['n']:,}**")
    chips = [chip(f"{name} {n:,}", color.get(name)) for name, n in ready["counts"].items()]
    if chips:
        st.html(f'<div style="line-height: 2.1">{" ".join(chips)}</div>')
    lines = []
    if project.versions:
        lines.append(_since(project, project.versions[-1], min_confidence, within))
    if ready["by_source"]:
        lines.append(" · ".join(f"{source} {n:,}" for source, n in sorted(ready["by_source"].items())))
    aside = ready["n_kept_aside"]
    if aside:
        lines.append(f"{aside:,} more are kept aside to measure with; no training sees them.")
    if ready["n_judgements"]:
        lines.append(f"{ready['n_judgements']:,} judged pairs and triplets are learned from too.")
    if ready["n_reference"]:
        lines.append(f"{ready['n_reference']:,} reference labels measure the result; no training sees them.")
    lines += ready["advice"]
    if lines:
        st.html(f'<div class="quiet">{"<br>".join(escape(line) for line in lines)}</div>')


def _since(project: Project, version: VersionRow, min_confidence: float, within: str | None) -> str:
    name, learned = version.name, version.labels.get("slice")
    if learned != within:
        what = "all records" if learned is None else f"the slice {learned}"
        return f"{name} learned from the labels of {what}."
    since = project.labels_since(name, min_confidence=min_confidence)
    told = [
        f"{n:,} {word} label{'' if n == 1 else 's'}"
        for n, word in ((since.new, "new"), (since.changed, "changed"), (since.gone, "removed"))
        if n
    ]
    return f"{', '.join(told) or 'No new labels'} since {name}."


def recipe_form() -> tuple[Recipe, dict[str, Any], int]:
    """Show the recipe and its parameters; return it, the values that are not its defaults, and the seed."""
    names = list(RECIPES)
    name = names[0]
    if len(names) > 1:
        name = st.selectbox(
            "Recipe",
            names,
            format_func=lambda key: RECIPES[key].title,
            key=f"{_PREFIX}recipe",
            bind="query-params",
        )
    recipe = RECIPES[name]
    if len(names) == 1:
        st.markdown(f"**Recipe: {recipe.title}**")
    st.caption(recipe.summary)
    values: dict[str, Any] = {}
    for parameter in recipe.parameters:
        if parameter.prominent:
            values[parameter.name] = _input(recipe, parameter)
    others = [parameter for parameter in recipe.parameters if not parameter.prominent]
    with st.expander("Parameters", key=f"{_PREFIX}parameters"):
        columns = st.columns(3)
        for i, parameter in enumerate(others):
            with columns[i % 3]:
                values[parameter.name] = _input(recipe, parameter)
        with columns[len(others) % 3]:
            seed = st.number_input(
                "seed",
                min_value=0,
                value=0,
                step=1,
                key=f"{_PREFIX}seed",
                bind="query-params",
                help="The same seed on the same labels and device gives the same version.",
            )
        st.caption(f"Source: {recipe.source}.")
    defaults = {parameter.name: parameter.default for parameter in recipe.parameters}
    changed = {key: value for key, value in values.items() if value != defaults[key]}
    if changed or seed:
        _changes(recipe, changed | ({"seed": seed} if seed else {}))
    return recipe, changed, int(seed)


def _changes(recipe: Recipe, changed: dict[str, Any]) -> None:
    """Say what differs from the recipe's defaults, also while the form is closed, with a way back."""
    with st.container(horizontal=True, vertical_alignment="center"):
        listed = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in changed.items())
        st.caption(f"Changed: {listed}.", width="content")
        st.button("Undo these", key=f"{_PREFIX}reset", type="tertiary", on_click=_reset, args=(recipe,))


def _reset(recipe: Recipe) -> None:
    for parameter in recipe.parameters:
        st.session_state[_key(recipe, parameter)] = parameter.default
    st.session_state[f"{_PREFIX}seed"] = 0


def _key(recipe: Recipe, parameter: Parameter) -> str:
    return f"{_PREFIX}{recipe.name}_{parameter.name}"


def _input(recipe: Recipe, parameter: Parameter) -> Any:
    default, label = parameter.default, parameter.name.replace("_", " ")
    if parameter.name == "budget":
        return _time_budget(_key(recipe, parameter), parameter)
    common: dict[str, Any] = {
        "key": _key(recipe, parameter),
        "bind": "query-params",
        "help": f"{parameter.help} Default: {default}; may be {parameter.range_text()}.",
    }
    if parameter.choices is not None:
        return st.selectbox(label, parameter.choices, index=parameter.choices.index(str(default)), **common)
    if isinstance(default, bool):
        st.space("small")  # in line with its neighbours' boxes, which have their label above
        return st.toggle(label, default, **common)
    if isinstance(default, str):
        return st.text_input(label, default, **common)
    kind = int if isinstance(default, int) else float
    return st.number_input(
        label,
        min_value=None if parameter.low is None else kind(parameter.low),
        max_value=None if parameter.high is None else kind(parameter.high),
        value=default,
        step=1 if kind is int else (default / 10 or 0.01),
        format=None if kind is int else "%g",
        **common,
    )


_BUDGETS = {30: "30 s", 60: "1 min", 120: "2 min", 300: "5 min", 600: "10 min", 1800: "30 min", 7200: "2 h"}


def _time_budget(key: str, parameter: Parameter) -> int:
    """Let people say how long it may take; the default stands in the middle of what they see first."""
    chosen = st.segmented_control(
        "Time it may take",
        list(_BUDGETS),
        default=int(parameter.default),
        required=True,
        format_func=_BUDGETS.__getitem__,
        key=key,
        help="More time lets it try more; with enough of it, and 100 labels or more, the text encoder "
        "itself is tuned. It stops trying in time to finish, about.",
    )
    return int(chosen or parameter.default)
