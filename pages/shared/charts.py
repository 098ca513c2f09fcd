"""The figures of Tune and Evaluate: transparent, readable on light and dark pages, each with its data."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

Row = Mapping[str, Any]

# One colour per embedding compared, in their order; labels keep their own colours.
RAW_COLOR = "#8A94A3"
TUNED_COLOR = "#3B82D6"
EMBEDDING_COLORS = (RAW_COLOR, TUNED_COLOR)
_GRID = "rgba(128,136,150,.22)"
MOST_CLASSES = 12


def show(figure: Any, rows: Sequence[Row], name: str, key: str, *, alt: str) -> None:
    """Draw a figure with its picture (in its toolbar) and its data to download.

    Parameters
    ----------
    rows
        The figure's data, one mapping per line of the CSV.
    name
        Of the downloads, without ending.
    alt
        What the figure shows, for those who cannot see it.
    """
    st.plotly_chart(figure, key=key, config=chart_config(name), alt=alt)
    _csv_button(rows, name, key)


def table(rows: Sequence[Row], name: str, key: str, *, columns: Mapping[str, Any] | None = None) -> None:
    """Draw a small table whole, with its data to download; None is shown as a dash by the grid."""
    st.dataframe(list(rows), hide_index=True, height="content", key=key, column_config=columns)
    _csv_button(rows, name, key)


def chart_config(name: str) -> dict[str, Any]:
    """Return plotly's settings: a quiet toolbar whose camera saves a sharp PNG."""
    return {
        "displaylogo": False,
        "modeBarButtonsToRemove": ["zoom", "pan", "select", "lasso", "zoomin", "zoomout", "autoscale"],
        "toImageButtonOptions": {"format": "png", "filename": name, "scale": 2},
    }


def as_csv(rows: Sequence[Row]) -> bytes:
    """Return rows as CSV with a header, UTF-8; the columns are those of the first row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [], lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def loss_curves(curve: Sequence[Mapping[str, float]], best_epoch: int | None = None) -> Any:
    """Draw training and validation loss over epochs, with a mark at the best epoch."""
    go = graph_objects()
    epochs = [point["epoch"] for point in curve]
    figure = go.Figure()
    for column, title, color in (
        ("train_loss", "training", RAW_COLOR),
        ("validation_loss", "validation", TUNED_COLOR),
    ):
        values = [point.get(column) for point in curve]
        if any(value is not None for value in values):
            figure.add_scatter(
                x=epochs,
                y=values,
                name=title,
                mode="lines+markers" if len(epochs) < 3 else "lines",
                line={"color": color, "width": 2.5},
                hovertemplate="%{y:.4f}",
            )
    if best_epoch:
        figure.add_vline(
            x=best_epoch,
            line={"color": TUNED_COLOR, "width": 1, "dash": "dot"},
            annotation_text=f"best: epoch {best_epoch}",
            annotation_position="top right" if best_epoch < 0.7 * len(epochs) else "top left",
        )
    apply_style(figure, height=230, x="epoch", y="loss")
    figure.update_xaxes(rangemode="tozero")
    return figure


def live_loss(curve: Sequence[Mapping[str, float]]) -> None:
    """Draw the losses of a training under way.

    Not with plotly: Streamlit takes a plotly figure with new data for a new element, which flickers.
    """
    names = {"train_loss": "training", "validation_loss": "validation"}
    rows = [
        {"epoch": point["epoch"], "loss": point[key], "of": name}
        for point in curve
        for key, name in names.items()
        if key in point
    ]
    spec = {
        "mark": {"type": "line", "strokeWidth": 2.5},
        "height": 240,
        "encoding": {
            "x": {"field": "epoch", "type": "quantitative", "axis": {"grid": False, "tickMinStep": 1}},
            "y": {"field": "loss", "type": "quantitative", "scale": {"zero": False}},
            "color": {
                "field": "of",
                "type": "nominal",
                "scale": {"domain": list(names.values()), "range": [RAW_COLOR, TUNED_COLOR]},
                "legend": {"orient": "top", "title": None},
            },
        },
    }
    st.vega_lite_chart(rows, spec, width="stretch")


def top_k_lines(results: Sequence[Row]) -> tuple[Any, list[Row]]:
    """Draw the share of same-class neighbours over k, a line and a 95 % band for each embedding."""
    go = graph_objects()
    figure, rows = go.Figure(), []
    for result, color in zip(results, EMBEDDING_COLORS, strict=False):
        name = result["embedding"]
        ks = [int(k) for k in result["top_k"]]
        mean = list(result["top_k"].values())
        low, high = (list(side) for side in zip(*result["interval"].values(), strict=True))
        figure.add_scatter(
            x=[*ks, *reversed(ks)],
            y=[*high, *reversed(low)],
            fill="toself",
            fillcolor=faded(color, 0.2),
            mode="lines",
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=name,
        )
        figure.add_scatter(
            x=ks,
            y=mean,
            name=name,
            mode="lines+markers",
            line={"color": color, "width": 2.5},
            marker={"size": 7},
            legendgroup=name,
            customdata=list(zip(low, high, strict=True)),
            hovertemplate="%{y:.1%} (%{customdata[0]:.1%} to %{customdata[1]:.1%})",
        )
        rows += [
            {"embedding": name, "k": k, "top_k": m, "low": a, "high": b}
            for k, m, a, b in zip(ks, mean, low, high, strict=True)
        ]
    apply_style(figure, height=330, x="neighbours looked at (k)", y="share of the same class")
    ks = [int(k) for k in results[0]["top_k"]]
    ceiling = list(results[0]["ceiling"].values())
    if min(ceiling) < 0.999:
        figure.add_scatter(
            x=ks,
            y=ceiling,
            name="best possible",
            mode="lines",
            line={"color": RAW_COLOR, "width": 1.5, "dash": "dot"},
            hovertemplate="%{y:.1%}",
        )
    named = [k for k in ks if k != 75]  # would run into 50 and 100
    figure.update_xaxes(type="log", tickvals=named, ticktext=[f"{k:,}" for k in named], tickangle=0)
    figure.update_yaxes(tickformat=".0%")
    return figure, rows


def share_violins(results: Sequence[Row], colors: Mapping[str, str]) -> tuple[Any, list[Row]]:
    """Draw how the per-query shares at `main_k` spread, per class: the first embedding at the left."""
    go = graph_objects()
    names = results[0]["labels"]
    counts = {i: results[0]["per_query"]["label"].count(i) for i in range(len(names))}
    shown = sorted(sorted(counts, key=lambda i: -counts[i])[:MOST_CLASSES])
    shown = [i for i in shown if counts[i]]
    figure, rows = go.Figure(), []
    for side, result in zip(("negative", "positive"), results, strict=False):
        per_query = result["per_query"]
        pairs = list(zip(per_query["label"], result["main_shares"], strict=True))
        for i in shown:
            values = [share for label, share in pairs if label == i]
            color = RAW_COLOR if side == "negative" else colors.get(names[i], TUNED_COLOR)
            figure.add_violin(
                x=[_short(names[i])] * len(values),
                y=values,
                name=result["embedding"],
                side=side,
                spanmode="hard",
                scalegroup=str(i),
                scalemode="width",
                points=False,
                line={"color": color, "width": 1.5},
                fillcolor=faded(color, 0.35),
                meanline={"visible": True, "width": 2},
                width=0.85,
                showlegend=False,
                hoveron="kde",
                hoverinfo="y+name",
            )
        rows += [
            {"embedding": result["embedding"], "k": result["main_k"], "label": names[label], "share": share}
            for label, share in pairs
        ]
    apply_style(figure, height=330, x="", y="share of the same class", legend=False)
    figure.update_layout(violinmode="overlay", violingap=0.1, hovermode="closest")
    figure.update_yaxes(tickformat=".0%", range=[-0.02, 1.02])
    return figure, rows


def confusion(result: Row) -> tuple[Any, list[Row]]:
    """Draw a confusion matrix: shares of each known class (rows), all on one scale from 0 to 100 %."""
    go = graph_objects()
    names = [_short(name) for name in result["labels"]]
    counts = result["classification"]["confusion"]
    shares = [[n / max(1, sum(line)) for n in line] for line in counts]
    figure = go.Figure(
        go.Heatmap(
            x=names,
            y=names,
            z=shares,
            zmin=0,
            zmax=1,
            colorscale=[[0, faded(TUNED_COLOR, 0.0)], [1, TUNED_COLOR]],
            showscale=False,
            xgap=2,
            ygap=2,
            customdata=counts,
            hovertemplate="known %{y}, predicted %{x}: %{customdata:,} (%{z:.0%})<extra></extra>",
        )
    )
    if len(names) <= MOST_CLASSES:
        _write_counts(figure, names, counts, shares)
    height = max(300, min(640, 90 + 42 * len(names)))
    apply_style(figure, height=height, x="predicted", y="known", legend=False)
    figure.update_layout(hovermode="closest")
    figure.update_yaxes(autorange="reversed", showgrid=False, ticks="")
    figure.update_xaxes(showgrid=False, ticks="")
    rows = [
        {"embedding": result["embedding"], "known": known, "predicted": predicted, "n": n}
        for known, line in zip(result["labels"], counts, strict=True)
        for predicted, n in zip(result["labels"], line, strict=True)
    ]
    return figure, rows


def graph_objects() -> Any:
    """Return plotly's module of figures, wholly imported."""
    # plotly peeks at pandas if anybody has begun to import it, and breaks on one half imported beside it:
    # asking for it here waits until it is whole.
    import pandas  # noqa: F401
    import plotly.graph_objects as go

    return go


def _csv_button(rows: Sequence[Row], name: str, key: str) -> None:
    st.download_button(
        "Data (CSV)",
        as_csv(rows),
        f"{name}.csv",
        "text/csv",
        key=f"{key}_csv",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
    )


def _write_counts(figure: Any, names: list[str], counts: Any, shares: Any) -> None:
    # Not as the heatmap's own text: that takes a see-through cell for a white one, and is lost on dark pages.
    figure.update_layout(
        annotations=[
            {
                "x": column,
                "y": line,
                "text": f"{counts[line][column]:,}",
                "showarrow": False,
                "font": {"size": 13} | ({"color": "#FFFFFF"} if shares[line][column] > 0.5 else {}),
            }
            for line in range(len(names))
            for column in range(len(names))
        ]
    )


def apply_style(figure: Any, *, height: int, x: str, y: str, legend: bool = True) -> None:
    """Give a figure the margins, fonts, legend and axis titles that all have."""
    # No background colours: Streamlit's theme gives the page's own, on the page and in the PNG.
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 34 if legend else 12, "b": 4},
        font={"size": 14},
        hovermode="x unified",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "title": None},
    )
    figure.update_xaxes(
        title={"text": x or None, "font": {"size": 14}}, tickfont={"size": 13}, showgrid=False
    )
    figure.update_yaxes(
        title={"text": y or None, "font": {"size": 14}},
        tickfont={"size": 13},
        gridcolor=_GRID,
        zeroline=False,
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)


def faded(color: str, alpha: float) -> str:
    """Return a "#RRGGBB" colour with that much of it."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def _short(name: str, most: int = 22) -> str:
    from html import escape

    return escape(name if len(name) <= most else name[: most - 1] + "…")  # plotly reads simple HTML
