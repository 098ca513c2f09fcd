import re
from collections import Counter, defaultdict
from string import Formatter

import pytest

from embtune.records.sample import SAMPLE_NAME, SAMPLE_REFERENCE_FIELD, SAMPLE_TEMPLATE, sample_rows

TOPICS = {"Business", "Environment", "Health", "Sports", "Technology"}
LONGEST_SHARED_RUN = 6  # words that two descriptions may have in common by accident


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


@pytest.fixture(scope="module")
def rows():
    return sample_rows()


def test_has_at_least_400_rows(rows):
    assert len(rows) >= 400


def test_every_row_has_exactly_the_three_fields_as_clean_text(rows):
    for row in rows:
        assert list(row) == ["title", "description", "topic"]
        for value in row.values():
            assert isinstance(value, str)
            assert value
            assert value == " ".join(value.split())


def test_five_topics_of_at_least_60_rows(rows):
    counts = Counter(row[SAMPLE_REFERENCE_FIELD] for row in rows)
    assert set(counts) == TOPICS
    assert min(counts.values()) >= 60


def test_topics_are_mixed_in_file_order(rows):
    assert {row["topic"] for row in rows[:30]} == TOPICS
    assert {row["topic"] for row in rows[-30:]} == TOPICS


@pytest.mark.parametrize("field", ["title", "description"])
def test_no_text_appears_twice(rows, field):
    counts = Counter(row[field].casefold() for row in rows)
    assert [text for text, n in counts.items() if n > 1] == []


@pytest.mark.parametrize(("field", "fewest", "most"), [("title", 4, 10), ("description", 15, 45)])
def test_lengths_in_words_are_those_of_news_briefs(rows, field, fewest, most):
    outside = [row[field] for row in rows if not fewest <= len(row[field].split()) <= most]
    assert outside == []


def test_no_two_descriptions_come_from_one_template(rows):
    n = LONGEST_SHARED_RUN + 1
    seen = defaultdict(set)
    for number, row in enumerate(rows):
        tokens = words(row["description"])
        for start in range(len(tokens) - n + 1):
            seen[" ".join(tokens[start : start + n])].add(number)
    assert [run for run, numbers in seen.items() if len(numbers) > 1] == []


def test_no_pair_of_words_opens_more_than_four_titles(rows):
    openings = Counter(tuple(words(row["title"])[:2]) for row in rows)
    assert [pair for pair, n in openings.items() if n > 4] == []


def test_template_names_fields_of_the_rows_and_not_the_reference_label(rows):
    fields = {name for _, name, _, _ in Formatter().parse(SAMPLE_TEMPLATE) if name}
    assert fields == {"title", "description"}
    assert SAMPLE_REFERENCE_FIELD not in fields
    row = rows[0]
    assert SAMPLE_TEMPLATE.format(**row) == f"{row['title']}. {row['description']}"


def test_name_is_fit_for_a_project():
    assert SAMPLE_NAME == "sample-news"


def test_rows_are_a_fresh_copy_each_time(rows):
    changed = sample_rows()
    changed[0]["title"] = "changed"
    assert sample_rows() == rows
