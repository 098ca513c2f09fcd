"""Bringing files in: what is counted, what is refused, and that a refusal leaves everything as it was."""

import io
import json
import zipfile

import pytest

import embtune
from embtune.errors import BadFileError, BadInputError, EmbtuneError, TemplateError, UnknownChoiceError


@pytest.fixture
def news(home):
    """A project with two records and one label."""
    project = embtune.open("news")
    project.import_records(
        b"title,body,kind\nOne,First text,a\nTwo,Second text,\n",
        name="news.csv",
        text="{title}. {body}",
        label_field="kind",
    )
    return project


def held(project):
    """Everything an import can change."""
    return (
        project.n_records,
        [label.name for label in project.labels],
        project.status()["annotations"],
        (project.reference() >= 0).sum(),
        len(project.history()),
        project.info.template,
        project.revision,
        [card.name for card in embtune.projects()],
    )


def zipped():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return stream.getvalue()


def parquet():
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    pq.write_table(pa.table({"title": ["One"], "body": ["x"]}), stream)
    return stream.getvalue()


BAD_FILES = {
    "empty file": ("news.csv", b"", r"news\.csv is empty"),
    "header only": ("news.csv", b"title,body\n", r"news\.csv has (only )?a header"),
    "not UTF-8": ("news.csv", "title,body\nCaf\xe9,x\n".encode("latin-1"), r"news\.csv.*UTF-8.*(1252|Latin)"),
    "ragged row": ("news.csv", b"title,body\nOne,x\nTwo,x,y\n", r"news\.csv, line 3.*3 .*2"),
    "NUL bytes": ("news.csv", b"title,body\nO\x00ne,x\n", r"news\.csv.*NUL"),
    "duplicate columns": ("news.csv", b"title,title\nOne,x\n", r"news\.csv.*'title'"),
    "broken JSONL": ("n.jsonl", b'{"title": "One", "body": "x"}\n{"title": "Two"\n', r"n\.jsonl, line 2"),
    "JSON that is no array": ("n.json", b'{"title": "One"}', r"n\.json.*array"),
    "damaged Parquet": ("n.parquet", parquet()[:-30], r"n\.parquet"),
    "a workbook named .csv": ("news.csv", zipped(), r"news\.csv.*(Excel|workbook|zip)"),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_told_in_one_sentence_and_changes_nothing(news, name, content, message):
    before = held(news)
    with pytest.raises(BadFileError, match=message) as told:
        news.import_records(content, name=name, text="{title}. {body}")
    assert held(news) == before
    assert "\n" not in str(told.value)
    assert "Traceback" not in str(told.value)


FINE = b"title,body,kind,sure\nNew,Text,b,0.5\nNewer,Text,c,0.25\n"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"text": "{titel}"}, TemplateError, r"'titel'\. Did you mean 'title'\?"),
        ({"text": ""}, None, None),
        ({"text": "no field"}, TemplateError, "names no field"),
        (
            {"label_field": "sort"},
            BadInputError,
            r"more\.csv has no field 'sort'; its fields are: title, body",
        ),
        ({"reference_field": "truth"}, BadInputError, r"more\.csv has no field 'truth'"),
        ({"confidence_field": "conf"}, BadInputError, r"more\.csv has no field 'conf'"),
        (
            {"label_field": "kind", "label_source": "rumour"},
            UnknownChoiceError,
            "Unknown label source 'rumour'",
        ),
        (
            {"label_field": "kind", "confidence_field": "sure", "label_source": "manual"},
            BadInputError,
            "come from a person and have confidence 1",
        ),
        ({"label_field": "kind", "confidence_field": "body"}, BadInputError, r"more\.csv, line 2: .*'Text'"),
    ],
)
def test_a_bad_choice_is_told_and_changes_nothing(news, options, error, message):
    if error is None:  # no template given: the project's own holds
        assert news.import_records(FINE, name="more.csv", **options).template == "{title}. {body}"
        return
    before = held(news)
    with pytest.raises(error, match=message):
        news.import_records(FINE, name="more.csv", **options)
    assert held(news) == before


@pytest.mark.parametrize("value", ["1.5", "-0.1", "nan", "much", "1,0"])
def test_a_confidence_out_of_range_names_its_line(news, value):
    before = held(news)
    content = f'title,kind,sure\nNew,b,0.5\nNewer,c,"{value}"\n'.encode()
    with pytest.raises(
        BadInputError, match=rf"more\.csv, line 3: the confidence '?{value}'? in field 'sure'"
    ):
        news.import_records(
            content, name="more.csv", text="{title}", label_field="kind", confidence_field="sure"
        )
    assert held(news) == before


def test_confidences_come_in_and_an_empty_one_is_sure(home):
    project = embtune.open("weak")
    project.import_records(
        b"text,kind,sure\nOne,a,0.25\nTwo,a,\n",
        name="weak.csv",
        text="{text}",
        label_field="kind",
        confidence_field="sure",
        label_source="weak supervision",
    )
    assert [(r.confidence, r.source) for r in project.records([0, 1])] == [
        (0.25, "weak supervision"),
        (1.0, "weak supervision"),
    ]
    assert project.field_names == ["text"]


def test_the_same_file_twice_doubles_nothing(home):
    project = embtune.open("twice")
    content = b"text,kind\nOne,a\nTwo,b\nOne,a\n"
    options = {"name": "twice.csv", "text": "{text}", "label_field": "kind"}
    first = project.import_records(content, **options)
    assert (first.n_read, first.n_new, first.n_known, first.n_labels) == (3, 2, 1, 2)
    second = project.import_records(content, **options)
    assert (second.n_read, second.n_new, second.n_known, second.n_labels) == (3, 0, 3, 0)
    assert project.n_records == 2
    assert project.status()["annotations"] == {"import": 2}


def test_labels_of_an_undone_import_come_back_with_the_next(news):
    news.undo()
    again = news.import_records(b"title,body,kind\nOne,First text,a\n", name="news.csv", label_field="kind")
    assert (again.n_known, again.n_labels, news.record(0).label) == (1, 1, "a")


def test_an_imported_label_outranks_no_manual_one(news):
    news.label([0], news.add_label("mine").name)
    news.import_records(b"title,body,kind\nOne,First text,b\n", name="more.csv", label_field="kind")
    assert news.record(0).label == "mine"


def test_one_record_may_bring_a_label_in_one_file_and_a_reference_label_in_another(home):
    project = embtune.open("roles")
    project.import_records(
        b"text,topic\nOne,a\nTwo,b\n", name="labels.csv", text="{text}", label_field="topic"
    )
    result = project.import_records(
        b"text,topic\nTwo,a\nThree,c\n", name="truth.csv", reference_field="topic"
    )
    assert (result.n_new, result.n_known, result.n_reference) == (1, 1, 2)
    seen = [(r.text, r.label, r.reference_label) for r in project.records(range(3))]
    assert seen == [("One", "a", None), ("Two", "b", "a"), ("Three", None, "c")]
    assert project.status()["n_reference"] == 2
    again = project.import_records(b"text,topic\nTwo,c\n", name="other.csv", reference_field="topic")
    assert (again.n_reference, again.n_reference_kept) == (0, 1)
    assert again.notes == ("1 record already had another reference label; the first was kept.",)
    assert project.record(1).reference_label == "a"


def test_empty_texts_are_skipped_and_counted(home):
    project = embtune.open("gaps")
    result = project.import_records(b"a,b\nx,1\n,2\n  ,3\ny,4\n", name="gaps.csv", text="{a}")
    assert (result.n_read, result.n_new, result.n_known, result.n_empty) == (4, 2, 0, 2)
    assert [record.text for record in project.records([0, 1])] == ["x", "y"]


def test_texts_that_are_all_empty_are_refused(news):
    before = held(news)
    with pytest.raises(BadInputError, match=r"All 2 texts of gaps\.csv are empty under the template '\{a\}'"):
        news.import_records(b"a,b\n,1\n ,2\n", name="gaps.csv", text="{a}", label_field="b")
    assert held(news) == before


def test_a_label_field_that_is_empty_throughout_is_refused(news):
    with pytest.raises(BadInputError, match=r"The field 'kind' of e\.csv is empty in every record"):
        news.import_records(b"title,kind\nOne,\n", name="e.csv", text="{title}", label_field="kind")


def test_more_than_500_labels_ask_back(news):
    before = held(news)
    rows = json.dumps([{"title": f"t{i}", "code": f"c{i}"} for i in range(501)]).encode()
    options = {"name": "codes.json", "text": "{title}", "label_field": "code"}
    with pytest.raises(BadInputError, match=r"'code' has 501 different values.*--allow-many-labels"):
        news.import_records(rows, **options)
    assert held(news) == before
    assert news.import_records(rows, allow_many_labels=True, **options).n_labels == 501


def test_a_byte_order_mark_is_no_part_of_the_first_field(home):
    project = embtune.open("bom")
    project.import_records("\ufefftext\nOne\n".encode(), name="bom.csv", text="{text}")
    assert project.field_names == ["text"]


def test_nested_json_is_flattened_by_dotted_path(home):
    project = embtune.open("nested")
    row = {"article": {"title": "One", "meta": {"topic": "a"}}}
    project.import_records(
        json.dumps([row]).encode(), name="n.json", text="{article.title}", label_field="article.meta.topic"
    )
    assert (project.record(0).text, project.record(0).label) == ("One", "a")


def test_a_text_of_a_million_characters_is_taken_as_it_is(home):
    project = embtune.open("long")
    project.import_records(b"text\n" + b"word " * 200_000 + b"\n", name="long.csv", text="{text}")
    assert len(project.record(0).text) == 999_999


def test_none_of_these_in_a_label_field_is_that_answer(home):
    project = embtune.open("none")
    project.import_records(
        b"text,kind\nOne,none of these\nTwo,a\n", name="n.csv", text="{text}", label_field="kind"
    )
    assert [label.name for label in project.labels] == ["a"]
    assert [record.label for record in project.records([0, 1])] == ["none of these", "a"]


def test_the_first_template_is_kept_and_a_later_one_holds_for_its_file(home):
    project = embtune.open("templates")
    project.import_records(b"a,b\none,two\n", name="1.csv", text="{a}")
    project.import_records(b"a,b\nthree,four\n", name="2.csv", text="{b}")
    project.import_records(b"a,b\nfive,six\n", name="3.csv")
    assert project.info.template == "{a}"
    assert [record.text for record in project.records(range(3))] == ["one", "four", "five"]


def test_a_failure_while_writing_leaves_nothing(news, monkeypatch):
    from embtune.work import importing

    def broken(*_, **__):
        raise RuntimeError("the power went")

    before = held(news)
    monkeypatch.setattr(importing, "insert_action", broken)
    with pytest.raises(RuntimeError):
        news.import_records(FINE, name="more.csv", label_field="kind", reference_field="body")
    assert held(news) == before


def test_search_finds_words_whatever_their_case(home):
    project = embtune.open("search")
    rows = "text\nÉCOLE fermée\nWeiße Straße\nЖук и ёж\n100% sure_thing\n"
    project.import_records(rows.encode(), name="s.csv", text="{text}")
    for words, expected in {"école": 0, "FERMÉE École": 0, "weiße": 1, "жУК": 2, "0% E_T": 3}.items():
        assert [record.row for record in project.search(words)] == [expected], words
    assert project.search("%") == project.records([3])
    assert project.search("  ") == project.search("école weiße") == []


# ---- votes from a file -----------------------------------------------------------------------


def label_file(project, content, name="labels.csv", **options):
    return project.label_from_file(content, name=name, **options)


def test_labels_from_a_file_by_record_id(news):
    first, second = news.record_ids
    result = label_file(news, f"id,label\n{second},b\n{first},\n".encode())
    assert (result["n_labelled"], news.record(1).label, news.record(0).label) == (1, "b", "a")
    assert news.record(1).source == "import"
    news.undo(result["action"])
    assert news.record(1).label is None


def test_labels_from_a_file_by_content(news):
    result = label_file(news, b"title,body,label\nTwo,Second text,b\nOne,First text,none of these\n")
    assert result["n_labelled"] == 2
    assert [record.label for record in news.records([0, 1])] == ["none of these", "b"]


def test_ids_of_the_user_s_own_do_not_stand_in_the_way_of_the_content(home):
    project = embtune.open("own-ids")
    project.import_records(b"id,text\n17,One\n18,Two\n", name="own.csv", text="{text}")
    label_file(project, b"id,text,label\n18,Two,b\n")
    assert project.record(1).label == "b"


def test_a_text_that_several_records_share_labels_them_all(home):
    project = embtune.open("shared")
    project.import_records(b"n,text\n1,Same\n2,Same\n3,Other\n", name="s.csv", text="{text}")
    assert label_file(project, b"text,label\nSame,a\n")["n_labelled"] == 2
    assert [record.label for record in project.records(range(3))] == ["a", "a", None]


def test_an_exported_file_can_be_corrected_and_read_back(news, tmp_path):
    news.export(tmp_path / "out.csv", which="all")
    corrected = (tmp_path / "out.csv").read_text().replace(",a,", ",corrected,")
    label_file(news, corrected.encode(), name="out.csv", label_source="manual")
    assert news.record(0).label == "corrected"


@pytest.mark.parametrize(
    ("content", "options", "error", "message"),
    [
        (b"id,kind\nx,a\n", {}, BadInputError, r"labels\.csv has no field 'label'; .* fields are: id, kind"),
        (
            b"id,label\nGOOD,a\nzzz,b\n",
            {},
            BadInputError,
            r"labels\.csv, line 3: no record 'zzz' in project 'news'",
        ),
        (
            b"title,body,label\nOne,First text,b\n\nOne,Other text,b\n",
            {},
            BadInputError,
            r"labels\.csv, line 4: no record 'One\. Other text' in project",
        ),
        (b"title,label\nOne,b\n", {}, TemplateError, "'body'"),
        (b"id,label\nGOOD,\n", {}, BadInputError, "'label' of labels.csv is empty in every record"),
        (b"id,label\nGOOD,b\n", {"label_source": "rumour"}, UnknownChoiceError, "label source 'rumour'"),
        (b"id,label,confidence\nGOOD,b,2\n", {}, BadInputError, r"line 2: the confidence '?2'? in field"),
    ],
)
def test_what_a_label_file_cannot_be(news, content, options, error, message):
    before = held(news)
    with pytest.raises(error, match=message):
        label_file(news, content.replace(b"GOOD", news.record_ids[0].encode()), **options)
    assert held(news) == before


def test_a_missing_file_is_told(news, tmp_path):
    with pytest.raises(EmbtuneError, match=r"nowhere\.csv"):
        news.label_from_file(tmp_path / "nowhere.csv")
    with pytest.raises(EmbtuneError, match=r"nowhere\.csv"):
        news.import_records(str(tmp_path / "nowhere.csv"))


def test_the_same_file_with_another_label_field_chosen_doubles_nothing(home):
    rows = json.dumps([{"text": f"Text {i}", "kind": "ab"[i % 2]} for i in range(6)]).encode()
    project = embtune.open("twice")
    project.import_records(rows, name="a.json", text="{text}")
    later = project.import_records(rows, name="a.json", text="{text}", label_field="kind")
    assert (later.n_new, later.n_known, later.n_labels) == (0, 6, 6)
    other = embtune.open("other way")
    other.import_records(rows, name="a.json", text="{text}", label_field="kind")
    again = other.import_records(rows, name="a.json", text="{text}")
    assert (again.n_new, again.n_known) == (0, 6)


def test_a_label_that_changed_back_and_a_new_confidence_are_votes_again(home):
    project = embtune.open("changing")

    def give(label, confidence):
        row = [{"text": "One", "label": label, "sure": confidence}, {"text": "Two", "label": "b", "sure": 1}]
        return project.import_records(
            json.dumps(row).encode(),
            name="a.json",
            text="{text}",
            label_field="label",
            confidence_field="sure",
        ).n_labels

    assert [give("a", 0.5), give("b", 0.5), give("a", 0.5), give("a", 0.9), give("a", 0.9)] == [2, 1, 1, 1, 0]
    assert project.record(0).label == "a"
    assert project.record(0).confidence == pytest.approx(0.9)


def test_one_field_cannot_be_both_label_and_reference(home):
    rows = json.dumps([{"text": "One", "kind": "a"}]).encode()
    with pytest.raises(BadInputError, match="cannot be both"):
        embtune.open("both").import_records(
            rows, name="a.json", text="{text}", label_field="kind", reference_field="kind"
        )
