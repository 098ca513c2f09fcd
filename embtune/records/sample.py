"""The sample corpus: a small pile of news that ships with embtune, so that there is something to open.

Every record was written for embtune, by its authors, and is invented: the events, people, companies and
teams do not exist, and places that do exist saw none of it. The corpus is under the project's licence
(Apache-2.0), like the code.
"""

from __future__ import annotations

import json
from importlib import resources

SAMPLE_NAME = "sample-news"
"""Name of the project that holds the sample."""

SAMPLE_TEMPLATE = "{title}. {description}"
"""Text template that turns a sample row into the text that is embedded."""

SAMPLE_REFERENCE_FIELD = "topic"
"""Field with the reference label: Business, Environment, Health, Sports or Technology."""

_FILE = "sample_news.jsonl"


def sample_rows() -> list[dict[str, str]]:
    """Read the sample corpus.

    Returns
    -------
    list of dict
        More than 400 rows with the keys ``title``, ``description`` and ``topic``, topics mixed, in the
        order of the file. A new list on every call: the caller may change it.

    Notes
    -----
    The text was written for embtune and is invented; it is under the project's licence. About one row
    in six lies between two topics on purpose (a hospital's software outage, a club's flotation); its
    reference label is the section a careful editor would print it in.
    """
    text = resources.files(__package__).joinpath(_FILE).read_text(encoding="utf-8")
    # Not splitlines(): only a newline ends a JSONL line, whatever separators a text may hold.
    return [json.loads(line) for line in text.split("\n") if line]
