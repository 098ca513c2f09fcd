import pytest

import embtune
from embtune.errors import BadFileError, BadInputError, EmbtuneError, TemplateError
from embtune.store.jobs import create_job, finish_job
from embtune.work.beginning import drop_failed_imports, free_name, import_into, import_into_new


@pytest.fixture
def news(tmp_path):
    path = tmp_path / "news.csv"
    path.write_text("text,kind\nOne text,a\nAnother text,b\n")
    return path


def names():
    return [card.name for card in embtune.projects()]


@pytest.mark.parametrize(
    ("file", "taken", "expected"),
    [
        ("news.csv", [], "news"),
        ("news.csv", ["news", "news-2"], "news-3"),
        ("my news: today.csv", [], "my-news-today"),
        (".csv", [], "csv"),
        ("???", [], "records"),
    ],
)
def test_free_name_is_the_stem_and_not_taken(file, taken, expected):
    assert free_name(file, taken) == expected


def test_a_new_project_holds_the_file(home, news):
    project = import_into_new(" fresh ", news, text="{text}", label_field="kind")
    assert (project.name, project.n_records, [label.name for label in project.labels]) == (
        "fresh",
        2,
        ["a", "b"],
    )
    job = project.jobs()[0]
    assert (job.kind, job.state, job.result["n_new"]) == ("import", "done", 2)


def test_a_file_with_a_fault_past_the_preview_leaves_no_project(home, tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("text,kind\n" + "A text,a\n" * 100 + "torn\n")
    with pytest.raises(EmbtuneError, match=r"long\.csv, line 102: 1 field where the header has 2"):
        import_into_new("fresh", path, text="{text}")
    assert names() == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"text": "{Text}"}, TemplateError, "Did you mean 'text'"),
        (
            {"label_field": "topic"},
            BadInputError,
            r"news\.csv has no field 'topic'; its fields are: text, kind\.",
        ),
        ({"confidence_field": "sure"}, BadInputError, "has no field 'sure'"),
    ],
)
def test_what_cannot_work_is_refused_before_a_project_is_made(home, news, options, error, message):
    with pytest.raises(error, match=message):
        import_into_new("fresh", news, wait=False, **options)
    assert names() == []


def test_a_missing_file_and_a_taken_name_are_refused(home, news, tmp_path):
    with pytest.raises(BadFileError, match="There is no file"):
        import_into_new("fresh", tmp_path / "none.csv")
    import_into_new("fresh", news)
    with pytest.raises(BadInputError, match="There is a project 'fresh' already"):
        import_into_new("fresh", news)
    assert embtune.open("fresh").n_records == 2


def test_a_failed_import_into_a_project_leaves_it_as_it_was(home, news, tmp_path):
    project = import_into_new("fresh", news)
    bad = tmp_path / "bad.csv"
    bad.write_text("other\nx y\n")
    with pytest.raises(EmbtuneError, match="names a field that the records do not have: 'text'"):
        import_into(project, bad)
    assert project.n_records == 2
    assert drop_failed_imports() == {}


def test_only_projects_whose_import_failed_are_dropped(home, news):
    import_into_new("kept", news)
    embtune.open("empty")
    for name, state, error in [
        ("failed", "failed", "news.csv, line 7: torn."),
        ("stopped", "cancelled", None),
        ("crashed", "interrupted", "Its process ended."),
    ]:
        project = embtune.open(name)
        finish_job(
            project.db, create_job(project.db, project.id, "import", {"file": "/x/n.csv"}), state, error=error
        )
    assert drop_failed_imports() == {
        "failed": "news.csv, line 7: torn.",
        "stopped": "The import of n.csv was stopped.",
    }
    assert sorted(names()) == ["crashed", "empty", "kept"]
