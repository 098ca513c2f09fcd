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


@pytest.mark.parametrize("label", [True, 99999])
def test_a_label_that_is_none_is_refused_wherever_a_configuration_is_written(book, label):
    made = lookup(book)
    for write in (
        lambda: book.add("learner", labels=[label]),
        lambda: book.add("zero-shot", descriptions={99999: "x"}),
        lambda: book.change(made.id, label=label),
        lambda: book.try_out(kind="lookup", config={"label": label, "terms": ["a"]}),
    ):
        with pytest.raises((BadInputError, UnknownChoiceError)):
            write()
    assert [one.id for one in book.all()] == [made.id]
    assert book.get(made.id).version == 1


def test_a_label_of_another_task_is_none_of_this_one(book, plain_project):
    alpha = plain_project.label_named("Alpha").id
    other = plain_project.add_task("Mood")
    with pytest.raises(UnknownChoiceError, match=f"Unknown label '{alpha}'"):
        other.heuristics.add("lookup", label=alpha, terms=["a"])


def test_several_are_made_together_or_not_at_all(book):
    good = {"kind": "lookup", "label": "Alpha", "terms": ["alpha"]}
    assert [one.name for one in book.add_many([good | {"name": "a"}, good | {"name": "b"}])] == ["a", "b"]
    with pytest.raises(BadInputError, match="'b' already"):
        book.add_many([good | {"name": "c"}, good | {"name": "B"}])
    assert [one.name for one in book.all()] == ["a", "b"]


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


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda labels: labels.merge("Beta", "Gamma"), "The label Beta was merged into Gamma: run it again."),
        (lambda labels: labels.delete("Beta"), "The label Beta was deleted: run it again."),
    ],
)
@pytest.mark.parametrize("kind", ["learner", "nearest"])
def test_a_label_that_was_learned_from_and_is_gone_makes_a_learner_outdated(
    book, plain_project, kind, change, why
):
    plain_project.label(range(0, 30, 3), "Alpha")
    plain_project.label(range(1, 30, 3), "Beta")
    options = {"min_confidence": 0.5} if kind == "learner" else {"how": "vote", "k": 3, "label": None}
    made = book.add(kind, "learns", embedding="raw", **options)
    assert book.run()["failed"] == []
    plain_project.add_label("Delta")
    plain_project.label_set.delete("Delta")  # it learned nothing from that
    assert book.get(made.id).current
    change(plain_project.label_set)
    assert (book.get(made.id).state, book.get(made.id).why) == ("outdated", why)
    plain_project.undo()
    assert book.get(made.id).current


def test_a_merged_label_is_named_as_what_changed_until_it_runs_again(book, plain_project):
    made = lookup(book)
    book.run()
    plain_project.label_set.merge("Alpha", "Gamma")
    assert book.get(made.id).why == "The label Alpha was merged into Gamma: run it again."
    book.run()
    assert book.get(made.id).current
    book.change(made.id, terms=["beta"])
    assert book.get(made.id).why == "Its configuration changed: run it again."


def test_one_that_failed_by_what_is_written_is_told_from_one_that_may_run_again(book, plain_project):
    wrong = book.add("field", "wrong", label="Alpha", field="nowhere", op="contains", value="x")
    learner = book.add("learner", "learner", embedding="raw")  # there is no label yet
    assert len(book.run()["failed"]) == 2
    assert (book.get(wrong.id).edit_first, book.get(learner.id).edit_first) == (True, False)
    assert not book.change(wrong.id, field="body").edit_first
    plain_project.label_set.delete("Alpha")
    assert book.get(wrong.id).edit_first  # its label is to be chosen


def test_a_look_up_without_terms_and_lists_is_refused(book):
    with pytest.raises(BadInputError, match=r"^Look-up list: write at least one term, or choose a look-up"):
        lookup(book, terms=[" "])
    made = lookup(book)
    with pytest.raises(BadInputError, match="write at least one term"):
        book.change(made.id, terms=[])


def test_what_is_written_and_not_saved_is_kept_by_annotator(book, plain_project):
    book.keep_drafts({"new-regex": {"kind": "regex", "raw": {"pattern": "é\ud83d"}}, "3": {"kind": "lookup"}})
    book.keep_drafts({"3": None})
    assert book.drafts() == {"new-regex": {"kind": "regex", "raw": {"pattern": "é\ud83d"}}}
    assert plain_project.view(annotator="somebody else").heuristics.drafts() == {}
    (kept,) = plain_project.folder("drafts").iterdir()
    kept.write_text("{")  # damaged: nothing is kept, and nothing fails
    assert book.drafts() == {}
    book.keep_drafts({"3": {"kind": "lookup"}})
    assert list(book.drafts()) == ["3"]
    book.keep_drafts({"3": None})
    assert list(plain_project.folder("drafts").iterdir()) == []


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
        ("L2.CSV", "n,term\n1,alpha\n2,beta\n"),
        ("L2.JSON", '["alpha", "beta"]'),
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


def test_a_heuristic_is_called_after_the_list_it_uses(book, plain_project):
    plain_project.lookup_lists.add("greek", ["alpha"])
    made = book.add("lookup", label="Alpha", lists=["greek"])
    assert made.name == made.says == "greek → Alpha"
    plain_project.lookup_lists.change("greek", name="letters")
    assert book.get(made.id).says == "letters → Alpha"


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


# ---- what runs leave behind ---------------------------------------------------------------------


@pytest.fixture
def broken_kind(monkeypatch):
    """Make look-ups fail as a mistake in embtune would."""
    from embtune.heuristics.lookup import Lookup

    def fail(*given):
        raise ValueError("no\nluck")

    return lambda: monkeypatch.setattr(Lookup, "run", fail)


def test_what_nobody_foresaw_in_one_leaves_the_others_alone(book, broken_kind):
    broken_kind()
    lookup(book)
    book.add("regex", "digits", label="Alpha", pattern=r"\d")
    done = book.run()
    assert [one["name"] for one in done["done"]] == ["digits"]
    why = "It failed unexpectedly (ValueError: no luck): change it, and run it again."
    assert done["failed"] == [{"heuristic": 1, "name": "finds alpha", "error": why}]
    assert book.get("finds alpha").why == why


def test_runs_that_fail_never_cost_the_last_votes(book, plain_project, broken_kind):
    made = lookup(book)
    book.run(made.id)
    broken_kind()
    for _ in range(5):
        book.run(made.id)
    assert (book.votes().labels >= 0).sum() == 20
    assert [run.state for run in list_runs(plain_project.db, [made.id])] == ["failed"] * 3 + ["done"]


def test_a_job_leaves_out_what_was_deleted_since(book, plain_project):
    from embtune.store.heuristics import insert_runs

    first, second = lookup(book), lookup(book, "finds beta", "Beta", ["beta"])
    runs = insert_runs(plain_project.db, {first.id: 1, second.id: 1}, state="queued", job_id=1)
    book.delete(first.id)
    done = book.run([first.id, second.id], runs={str(number): run for number, run in runs.items()})
    assert [one["name"] for one in done["done"]] == ["finds beta"]
    assert book.undelete(first.id).why == "It was deleted before it ran: run it again."


def test_a_job_that_cannot_start_leaves_nothing_waiting(book, plain_project, monkeypatch):
    from embtune.errors import StorageError

    def refuse(project, job_id):
        raise StorageError("The disk is full: free some space.")

    monkeypatch.setattr("embtune.jobs.runner.spawn", refuse)
    made = lookup(book)
    with pytest.raises(StorageError):
        book.start()
    assert book.get(made.id).state == "failed"
    assert book.get(made.id).why == "Its run could not be started: The disk is full: free some space."


def test_a_run_without_a_job_counts_as_stopped_after_a_minute(book, plain_project):
    from embtune.store.heuristics import insert_runs, update_runs

    made = lookup(book)
    runs = insert_runs(plain_project.db, {made.id: 1}, state="queued")
    assert book.get(made.id).state == "queued"
    update_runs(plain_project.db, {runs[made.id]: {"created_at": 1.0}})
    assert book.get(made.id).state == "failed"


def test_starting_again_after_a_worker_was_killed(book, plain_project, monkeypatch):
    import subprocess
    import sys

    from embtune.store.heuristics import update_runs
    from embtune.store.jobs import note_pid, start_job

    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    def killed(project, job_id):
        note_pid(project.db, job_id, gone.pid)
        start_job(project.db, job_id, gone.pid)

    monkeypatch.setattr("embtune.jobs.runner.spawn", killed)
    made = lookup(book)
    first = book.start()
    (run,) = list_runs(plain_project.db, [made.id])
    update_runs(plain_project.db, {run.id: {"state": "running"}})
    assert book.get(made.id).state == "running"  # nobody looked yet
    assert book.start() != first
    assert plain_project.job(first).state == "interrupted"


def test_a_filter_is_new_when_runs_end_in_another_order(book, plain_project):
    from embtune.store.heuristics import insert_runs, state_of_rules, update_runs

    one, other = lookup(book), lookup(book, "finds beta", "Beta", ["beta"])
    runs = insert_runs(plain_project.db, {one.id: 1, other.id: 1}, state="done")
    third = insert_runs(plain_project.db, {one.id: 1}, state="done")[one.id]
    update_runs(plain_project.db, {runs[one.id]: {"state": "running"}})
    before = state_of_rules(plain_project.db, plain_project.id)
    update_runs(plain_project.db, {runs[one.id]: {"state": "done"}, runs[other.id]: {"state": "failed"}})
    assert third > runs[other.id] > runs[one.id]
    assert state_of_rules(plain_project.db, plain_project.id) != before


def test_a_language_models_votes_are_outdated_once_another_one_is_configured(plain_project, monkeypatch):
    from embtune.work.heuristic_kinds import kind_for
    from embtune.work.heuristic_states import hangs_on

    def stamp(url, configured, **config):
        settings = plain_project.settings.model_copy(update={"llm_url": url, "llm_model": configured})
        monkeypatch.setattr(type(plain_project), "settings", settings)
        kind = kind_for(plain_project, "llm")
        return hangs_on(plain_project, kind, kind.Config(**config), {})["language model"]

    first = stamp("http://a.test/v1", "small")
    assert stamp("http://a.test/v1", "large") != first
    assert stamp("http://b.test/v1", "small") != first
    assert stamp("http://a.test/v1", "small") == first
    named = stamp("http://a.test/v1", "small", model="mine")
    assert stamp("http://a.test/v1", "large", model="mine") == named  # it names its own


# ---- precision of what was suggested ------------------------------------------------------------


def suggestion(project, **values):
    from embtune.heuristics.suggesting import Suggestion

    label = project.label_named("Alpha").id
    config = {"label": label, "terms": ["story"], "match": "word", "case": False, "fields": ["text"]}
    figures = {"precision": 0.666, "low": 0.4, "high": 0.85, "n_known": 1_200, "expected": 0.6}
    counts = {"hits": 60, "coverage": 1.0, "adds": 60, "score": 0.4, "is_list": False, "why": ""}
    given = {"kind": "lookup", "config": config, "label": label, "shown": "story"} | figures | counts
    return Suggestion(**(given | values))


def test_a_suggested_one_is_not_measured_on_labels_it_was_found_on(book, plain_project):
    aside = plain_project.kept_aside()
    seen = np.flatnonzero(~aside[:30])
    plain_project.label(seen[:8], "Alpha")  # it was found on these
    plain_project.label(np.flatnonzero(aside)[:3], "Beta")  # kept aside
    made = book.accept(suggestion(plain_project))
    written = book.add("lookup", "by hand", label="Alpha", terms=["story"])
    book.run()
    suggested, own = book.lines()
    assert (own.numbers.n_known, own.numbers.n_right, own.suggested) == (11, 8, None)
    assert (suggested.numbers.n_known, suggested.numbers.n_right) == (3, 0)
    assert suggested.numbers.interval[0] == 0
    (of_label,) = suggested.numbers.by_label.values()
    assert (of_label.hits, of_label.n_known, of_label.n_right) == (60, 3, 0)
    plain_project.label(seen[8:10], "Alpha")  # given since
    plain_project.label(seen[:2], "Beta")  # changed since: those records were looked at
    line = book.lines()[0].numbers
    assert (line.n_known, line.n_right, line.overlaps) == (5, 2, 60)
    assert book.rows(made.id, "right").tolist() == seen[8:10].tolist()
    assert len(book.rows(made.id, "known")) == 5
    assert len(book.rows(written.id, "known")) == 13


def test_a_suggested_one_that_was_changed_is_measured_on_labels_given_since_the_change(book, plain_project):
    rows = np.flatnonzero(~plain_project.kept_aside())
    made = book.accept(suggestion(plain_project))
    plain_project.label(rows[:4], "Alpha")
    book.run()
    assert book.lines()[0].numbers.n_known == 4
    book.change(made.id, match="part")
    assert book.lines()[0].numbers.n_known == 4  # its votes are still those of the first version
    book.run()
    assert book.lines()[0].numbers.n_known == 0
    assert book.lines()[0].numbers.hits == 60


def test_where_reference_labels_measure_no_manual_label_was_kept_from_suggestions(project):
    aside = np.flatnonzero(project.kept_aside())
    project.label(aside[:3], "Alpha")
    project.heuristics.accept(suggestion(project))
    project.heuristics.run()
    (line,) = project.heuristics.lines()
    assert (line.numbers.hits, line.numbers.n_known) == (60, 0)


def test_the_figures_of_a_suggestion_are_kept_with_it(book, plain_project):
    made = book.accept(suggestion(plain_project))
    assert made.description == ("Suggested: 67 % right (40 to 85 %, n 1,200) on labels it was not found on.")
    kept = book.lines()[0].suggested
    assert (kept.precision, kept.low, kept.high, kept.n) == (0.67, 0.4, 0.85, 1_200)
    book.accept(suggestion(plain_project, precision=None, n_known=0), name="unknown")
    kept = book.lines()[1].suggested
    assert (kept.precision, kept.n) == (None, 0)
    assert book.duplicate(made.id).description == made.description


@pytest.mark.parametrize(
    "query",
    [
        {"action": 10**30},
        {"inside": {"action": -(10**30)}},
        {"records": [10**30]},
        {"inside": {"embedding": "raw", "method": "pca", "polygons": [[[10**400, 0], [1, 1], [2, 0]]]}},
        {"words": "\ud800"},
        {"text": {"contains": "\ud800"}},
        {"heuristic": "\ud800"},
    ],
)
def test_a_filter_with_what_no_database_takes_is_refused_in_a_sentence(plain_project, query):
    with pytest.raises(BadInputError, match="The filter cannot be used at"):
        plain_project.rows_matching(query)
