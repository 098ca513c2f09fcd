import pytest

from embtune.errors import BadInputError, TemplateError
from embtune.records.identity import check_label_values, record_id, value_text
from embtune.records.template import TextTemplate, suggest_template


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        ("{Title}. {Description}", ("Title", "Description")),
        ("{a}{b}{a}", ("a", "b")),
        (
            "{author.name} {two words} {list[0]} {x:>10} {y!r}",
            ("author.name", "two words", "list[0]", "x:>10", "y!r"),
        ),
        ("{{{a}}}", ("a",)),
    ],
)
def test_fields_in_order_each_once(source, fields):
    template = TextTemplate.parse(source)
    assert (template.source, template.fields) == (source, fields)
    assert template == TextTemplate.parse(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        ("just text", "names no field"),
        ("{{a}}", "names no field"),
        ("{a} {}", "empty braces at character 5"),
        ("{ }", "empty braces at character 1"),
        ("x {a", "a { at character 3 that is never closed"),
        ("{a{b}}", "a { at character 1 that is never closed"),
        ("{a} b}", "a } at character 6 that closes nothing"),
    ],
)
def test_broken_templates(source, expected):
    with pytest.raises(TemplateError) as caught:
        TextTemplate.parse(source)
    assert expected in str(caught.value)


def test_missing_field_is_named_with_a_suggestion():
    template = TextTemplate.parse("{title}. {Descripton}. {Title}")
    with pytest.raises(TemplateError) as caught:
        template.check(["Title", "Description", "label"])
    assert str(caught.value) == (
        "The text template names fields that the records do not have: 'title', 'Descripton'. "
        "Did you mean 'Title', 'Description'? They have: 'Title', 'Description', 'label'."
    )
    TextTemplate.parse("{Title}").check(["Title"])


def test_missing_field_among_many():
    with pytest.raises(
        TemplateError, match=r"a field that the records do not have: 'zzz'\. They have: .* and 5 more"
    ):
        TextTemplate.parse("{zzz}").check([f"column{n}" for n in range(25)])


@pytest.mark.parametrize(
    ("source", "row", "expected"),
    [
        ("{a}. {b}", {"a": "One", "b": "Two"}, "One. Two"),
        ("{a}. {b}", {"a": "One", "b": None}, "One."),
        ("{a}. {b}", {"a": "", "b": " \t"}, ""),
        ("{a}. {b}", {}, ""),
        ("{a}", {"a": "  two\n\n lines\u00a0x "}, "two lines x"),
        ("{{{a}}} {{b}}", {"a": 1}, "{1} {b}"),
        ("{a} {b} {c}", {"a": True, "b": 1.5, "c": 0}, "true 1.5 0"),
        ("{a}", {"a": "{b}", "b": "no"}, "{b}"),
    ],
)
def test_render(source, row, expected):
    assert TextTemplate.parse(source).render(row) == expected


TEXTS = [f"A sentence with some words, number {n}." for n in range(20)]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"Title": TEXTS, "Description": TEXTS, "label": ["x", "y"] * 10}, "{Title}. {Description}"),
        ({"text": TEXTS, "category": ["card_arrival", "top_up"] * 10}, "{text}"),
        ({"id": [f"{n:040}" for n in range(20)], "notes": TEXTS}, "{notes}"),
        ({"headline": [f"Short {n}" for n in range(20)], "story": TEXTS}, "{headline}. {story}"),
        ({"headline": TEXTS, "n": list(range(20))}, "{headline}"),
        (
            {"url": [f"https://example.org/{n}" * 9 for n in range(20)], "news_body": TEXTS, "x": TEXTS},
            "{news_body}",
        ),
        ({"context": [t * 2 for t in TEXTS], "message.text": TEXTS}, "{message.text}"),
        ({"subject": ["maths class", "art class"] * 10, "body": TEXTS}, "{body}"),
        ({"text": [""] * 20, "other": TEXTS}, "{other}"),
        ({"内容": [f"今日のニュース{n}" for n in range(20)], "id": [str(n) for n in range(20)]}, "{内容}"),
        ({"a": ["x"] * 20, "b": ["long-code"] * 20}, "{b}"),
        ({"b{r}": TEXTS, "c": ["x"] * 20}, "{c}"),
    ],
)
def test_suggestion(columns, expected):
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    suggestion = suggest_template(list(columns), rows)
    assert suggestion == expected
    TextTemplate.parse(suggestion).check(list(columns))


def test_no_field_to_suggest():
    with pytest.raises(TemplateError, match="no field to make a text of"):
        suggest_template([], [])


def test_record_id_is_the_same_from_any_format():
    expected = record_id({"n": "1", "text": "Café\nbar", "on": "true"})
    assert len(expected) == 16
    assert set(expected) <= set("0123456789abcdef")
    assert record_id({"text": "Cafe\u0301\r\nbar", "n": 1, "on": True, "x": None, "y": ""}) == expected
    assert record_id({"n": 1, "text": "Café\nbar", "on": True, "label": "A"}, ignore={"label"}) == expected
    assert record_id({"n": 1, "text": "Café\nbar", "on": True, "label": "A"}) != expected
    assert record_id({"n": 1, "text": "Café bar", "on": True}) != expected


def test_record_id_never_changes():
    # Ids are kept in databases: this value must stay what it is.
    assert record_id({"Title": "Hello", "n": 1}) == "331704455ece5957"


def test_record_id_does_not_mix_up_neighbouring_fields():
    assert record_id({"a": "x", "b": "y"}) != record_id({"a": "y", "b": "x"})
    assert record_id({"a": 'x","b":"y'}) != record_id({"a": "x", "b": "y"})


def test_value_text():
    assert [value_text(value) for value in ("a", None, True, False, 1, 0.5, ["é"])] == [
        "a", "", "true", "false", "1", "0.5", '["é"]',
    ]  # fmt: skip


def test_label_field_with_too_many_values():
    check_label_values([str(n % 500) for n in range(2_000)] + [""], "topic")
    with pytest.raises(BadInputError) as caught:
        check_label_values([str(n) for n in range(8_140)], "id")
    assert str(caught.value) == (
        "The field 'id' has 8,140 different values; a label field has at most 500. "
        "Choose another field or confirm with --allow-many-labels."
    )
