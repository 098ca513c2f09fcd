"""Where in a text the words of a query stand, for showing them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from embtune.filtering.query import Leaf, Node, Not
from embtune.filtering.text import pattern_of, split_words

_OPEN, _CLOSE = "\ue000", "\ue001"  # of Unicode's private use: no text means anything by them


def highlight_pattern(node: Node) -> str:
    """Return a regular expression for what a query looks for in the text; "" if it looks for nothing.

    What is under a "not" is not looked for.
    """
    return "|".join(dict.fromkeys(_patterns(node)))


def _patterns(node: Node) -> list[str]:
    if isinstance(node, Not):
        return []
    if not isinstance(node, Leaf):
        return [pattern for part in node.parts for pattern in _patterns(part)]
    if node.kind == "words":
        return [f"(?i:{re.escape(word)})" for word in split_words(node.value)]
    if node.kind == "text" and node.value.op in ("contains", "begins", "ends", "regex"):
        return [f"(?:{pattern_of(node.value)})"]
    return []


def cut_at_matches(texts: Sequence[str], pattern: str) -> list[list[str]]:
    """Cut each text into pieces that in turn do not match and do: every second piece is a match.

    Put together, the pieces are the text. The pattern is RE2's, so that this takes linear time.
    """
    if not pattern or not texts:
        return [[text] for text in texts]
    import pyarrow as pa
    import pyarrow.compute as pc

    clean = [text.replace(_OPEN, "").replace(_CLOSE, "") for text in texts]
    marked = pc.replace_substring_regex(
        pa.array(clean, pa.large_string()), f"(?:{pattern})", f"{_OPEN}\\0{_CLOSE}"
    )
    return [
        re.split(f"[{_OPEN}{_CLOSE}]", text.replace(_OPEN + _CLOSE, ""))  # a match of nothing shows nothing
        for text in marked.to_pylist()
    ]


def from_first_match(pieces: list[str], *, before: int = 70, hidden: int = 200) -> list[str]:
    """Return the pieces from shortly before the first match, where that stands too far in to be seen."""
    if len(pieces) < 2 or len(pieces[0]) <= hidden:
        return pieces
    lead = pieces[0][-before:]
    at = lead.find(" ")
    return ["… " + lead[at + 1 :], *pieces[1:]]
