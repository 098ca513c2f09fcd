"""Heuristics of a project: written, tried, run, and what happens to their votes when things change."""

import json

import numpy as np
import pytest

from embtune.errors import BadFileError, BadInputError, ConflictError, NotReadyError, UnknownChoiceError
from embtune.store.heuristics import list_runs

# The project's 60 records: "Alpha story 0", "Beta story 0", "Gamma story 0", "Alpha story 1", …


@pytest.fixture
def book(plain_project):
    for name in ("Alpha", "Beta", "Gamma"):
        plain_project.add_label(name)
    return plain_project.heuristics


def lookup(book, name="finds alpha", label="Alpha", terms=("alpha",), **options):
    return book.add("lookup", name, label=label, terms=list(terms), **options)


# ---- writing -----------------------------------------------------------------------------------


def test_a_new_heuristic_is_a_draft_that_names_its_label(book):
    made = lookup(book)
    assert (made.state, made.labels, made.version, made.run) == ("draft", ("Alpha",), 1, None)
    assert [one.name for one in book.all()] == ["finds alpha"]


def test_without_a_name_it_is_called_after_what_it_does_and_no_name_comes_twice(book):
    first = book.add("lookup", label="Alpha", terms=["alpha"])
    second = book.add("lookup", label="Alpha", terms=["alpha"])
    assert "alpha" in first.name
    assert second.name == f"{first.name} (2)"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "lookup", "terms": ["x"]}, "needs 'label'"),
        ({"kind": "lookup", "label": "Alpha", "terms": ["x"], "fuzzy": 1}, "has no 'fuzzy'"),
        ({"kind": "lookup", "label": "Delta", "terms": ["x"]}, "Unknown label 'Delta'"),
        ({"kind": "lookup", "label": "Alpha", "lists": ["nowhere"]}, "Unknown look-up list 'nowhere'"),
        ({"kind": "spell", "label": "Alpha"}, "spell"),
    ],
)
def test_what_cannot_be_used_is_told_and_nothing_is_made(book, values, message):
    with pytest.raises((BadInputError, UnknownChoiceError), match=message):
        book.add(**values)
    assert book.all() == []


def test_a_name_is_taken_once_in_any_case(book):
    lookup(book)
    with pytest.raises(BadInputError, match="already"):
        lookup(book, "FINDS ALPHA")


def test_another_configuration_is_a_version_and_an_earlier_one_can_be_restored(book):
    made = lookup(book)
    book.change(made.id, terms=["alpha", "story"])
    assert book.get(made.id).version == 2
    book.change(made.id, description="words")  # says nothing of its votes
    assert book.get(made.id).version == 2
    restored = book.restore(made.id, 1)
    assert (restored.version, restored.config["terms"]) == (3, ["alpha"])
    assert [one.version for one in book.versions(made.id)] == [3, 2, 1]
    with pytest.raises(UnknownChoiceError, match="version"):
        book.restore(made.id, 9)


def test_a_deleted_one_comes_back_with_its_votes(book):
    made = lookup(book)
    book.run()
    book.delete(made.id)
    assert book.all() == []
    assert [one.id for one in book.deleted()] == [made.id]
    back = book.undelete(made.id)
    assert (back.state, back.run.n_hits) == ("done", 20)


# ---- trying and running -------------------------------------------------------------------------


def test_trying_it_shows_votes_matches_and_mistakes_and_keeps_nothing(book, plain_project):
    plain_project.label([0, 4], "Alpha")  # row 4 is a Beta story
    trial = book.try_out(
        kind="lookup", config={"label": "Alpha", "terms": ["alpha"]}, records=np.array([0, 1, 4])
    )
    assert [(line.label, line.manual, line.right) for line in trial.lines] == [
        ("Alpha", "Alpha", True),
        (None, None, None),
        (None, "Alpha", None),
    ]
    assert trial.n_voted == 1
    first = trial.lines[0]
    assert [first.text[span.start : span.end] for span in first.spans] == ["Alpha", "alpha"]
    assert book.all() == []


def test_ten_at_random_are_the_same_for_a_seed(book):
    made = lookup(book)
    rows = [[line.row for line in book.try_out(made.id, seed=seed).lines] for seed in (1, 1, 2)]
    assert len(rows[0]) == 10
    assert rows[0] == rows[1] != rows[2]


def test_running_gives_votes_and_numbers(book, plain_project):
    lookup(book)
    lookup(book, "finds stories", "Beta", ["story 1"])  # of each class one
    done = book.run()
    assert [(one["name"], one["hits"]) for one in done["done"]] == [("finds alpha", 20), ("finds stories", 3)]
    plain_project.label([0, 3], "Alpha")
    plain_project.label(4, "Beta")
    alpha, stories = (line.numbers for line in book.lines())
    assert (alpha.hits, alpha.overlaps, alpha.conflicts, alpha.adds) == (20, 1, 1, 19)
    assert (alpha.n_known, alpha.precision) == (2, 1.0)
    # It votes Beta on rows 3, 4, 5; known are 3 (Alpha) and 4 (Beta).
    assert (stories.n_known, stories.precision) == (2, 0.5)
    assert book.rows("finds stories", "wrong").tolist() == [3]
    assert book.rows("finds alpha", "conflicts").tolist() == [3]


def test_one_that_fails_leaves_the_others_alone(book):
    book.add("regex", "broken", label="Alpha", pattern="(")
    lookup(book)
    done = book.run()
    assert [one["name"] for one in done["done"]] == ["finds alpha"]
    assert [one["name"] for one in done["failed"]] == ["broken"]
    broken = book.get("broken")
    assert broken.state == "failed"
    assert broken.why == done["failed"][0]["error"]


def test_python_code_does_not_run_unless_the_operator_allows_it(book):
    made = book.add("code", "mine", source="def vote(record):\n    return 'Alpha'\n")
    assert book.run()["failed"] == []  # it is not even tried with all the others
    failed = book.run(made.id)["failed"]
    assert "EMBTUNE_ALLOW_CODE=1" in failed[0]["error"]


def test_only_three_runs_of_each_are_kept(book, plain_project):
    made = lookup(book)
    for _ in range(5):
        book.run(made.id)
    kept = list_runs(plain_project.db, [made.id])
    files = list(plain_project.folder("heuristics").iterdir())
    assert len(kept) == len(files) == 3


# ---- what makes votes outdated ------------------------------------------------------------------


def test_votes_are_outdated_once_the_configuration_the_list_or_the_records_changed(book, plain_project):
    listed = plain_project.lookup_lists.add("greek", ["alpha"])
    made = lookup(book, terms=[], lists=["greek"])
    book.run()
    assert book.get(made.id).current
    plain_project.lookup_lists.change(listed.id, name="letters")  # another name changes no vote
    assert book.get(made.id).current
    plain_project.lookup_lists.add_terms(listed.id, ["beta"])
    stale = book.get(made.id)
    assert (stale.state, stale.why) == ("outdated", "Its look-up list changed: run it again.")
    book.run()
    book.change(made.id, match="part")
    assert book.get(made.id).why == "Its configuration changed: run it again."
    book.restore(made.id, 1)  # as it was when it ran
    assert book.get(made.id).current
    plain_project.import_records(json.dumps([{"title": "New", "body": "beta"}]).encode(), name="more.json")
    assert book.get(made.id).why == "Records were added: run it again."


def test_labels_given_later_do_not_make_a_learner_outdated(book, plain_project):
    plain_project.label(range(0, 30, 3), "Alpha")  # of which some are kept aside
    plain_project.label(range(1, 30, 3), "Beta")
    made = book.add("learner", "learner", embedding="raw", min_confidence=0.5)
    assert book.run()["failed"] == []
    plain_project.label(33, "Alpha")
    assert book.get(made.id).current


def test_a_label_that_was_merged_takes_its_votes_along_and_a_deleted_one_does_not(book, plain_project):
    lookup(book)
    lookup(book, "finds beta", "Beta", ["beta"])
    book.run()
    gamma = plain_project.label_named("Gamma").id
    plain_project.label_set.merge("Alpha", "Gamma")
    plain_project.label_set.delete("Beta")
    votes = book.votes().labels
    assert (votes[:, 0] == gamma).sum() == 20
    assert (votes[:, 1] == -1).all()
    assert book.get("finds alpha").labels == ("Gamma",)
    assert "was deleted" in book.get("finds beta").why


def test_a_job_runs_them_and_says_so_meanwhile(book, plain_project):
    from embtune.jobs.runner import run as run_job

    made = lookup(book)
    runs = {}

    def spawned(project, job_id):  # instead of a process of its own: at once
        runs["state"] = project.heuristics.get(made.id).state
        run_job(project, job_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embtune.jobs.runner.spawn", spawned)
        job = book.start()
    assert runs["state"] == "queued"
    assert plain_project.job(job).state == "done"
    assert book.get(made.id).run.n_hits == 20
    with pytest.raises(NotReadyError, match="up to date"):
        book.start()


# ---- look-up lists -----------------------------------------------------------------------------


def test_terms_are_kept_once_and_in_order(plain_project):
    lists = plain_project.lookup_lists
    made = lists.add("greek", ["  alpha ", "Beta", "beta", "", "gamma"])
    assert made.terms == ("alpha", "Beta", "gamma")
    assert lists.add_terms("greek", ["delta", "ALPHA"]).terms == ("alpha", "Beta", "gamma", "delta")
    assert lists.remove_terms("greek", ["BETA"]).terms == ("alpha", "gamma", "delta")


def test_a_list_in_use_is_not_deleted(book, plain_project):
    plain_project.lookup_lists.add("greek", ["alpha"])
    made = lookup(book, terms=[], lists=["greek"])
    with pytest.raises(ConflictError, match="finds alpha"):
        plain_project.lookup_lists.delete("greek")
    book.delete(made.id)
    plain_project.lookup_lists.delete("greek")
    assert plain_project.lookup_lists.all() == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "alpha\nbeta\n"),
        ("a.csv", "n,term\n1,alpha\n2,beta\n"),
        ("b.csv", "alpha,1\nbeta,2\n"),
        ("a.json", '["alpha", {"value": "beta"}]'),
    ],
)
def test_a_list_comes_from_text_csv_or_json(plain_project, tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert plain_project.lookup_lists.import_file(tmp_path / name).terms == ("alpha", "beta")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b'["alpha", 3]', "item 2: a term is text"),
        ("a.json", b'["alpha"', "line 1: it is no JSON"),
        ("a.txt", b"\n \n", "holds no term"),
        ("a.txt", b"caf\xe9", "not UTF-8"),
    ],
)
def test_a_bad_list_is_refused_in_a_sentence(plain_project, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadFileError, match=message):
        plain_project.lookup_lists.import_file(tmp_path / name)
    assert plain_project.lookup_lists.all() == []


def test_own_terms_become_a_list_that_others_share(book, plain_project):
    made = lookup(book)
    book.run()
    changed = book.with_list(made.id, "greek")
    assert changed.config["terms"] == []
    assert plain_project.lookup_lists.get("greek").terms == ("alpha",)
    assert changed.state == "outdated"
    book.run()
    assert book.get(made.id).run.n_hits == 20


# ---- filters -----------------------------------------------------------------------------------


def test_a_filter_finds_what_a_heuristic_votes(book, plain_project):
    lookup(book)
    lookup(book, "finds stories", "Beta", ["story 1"])
    book.run()
    assert len(plain_project.rows_matching({"heuristic": "finds alpha"})) == 20
    assert plain_project.rows_matching(
        {"heuristic": {"name": "finds alpha", "what": "conflicts"}}
    ).tolist() == [3]
    query = {"all": [{"heuristic": {"name": "finds alpha", "label": None}}, {"heuristic": "finds stories"}]}
    assert plain_project.rows_matching(query).tolist() == [4, 5]
    book.change("finds stories", terms=["story 2"])
    book.run()
    assert plain_project.rows_matching(query).tolist() == [7, 8]
    with pytest.raises(BadInputError, match="there is no heuristic 'x'"):
        plain_project.rows_matching({"heuristic": "x"})
