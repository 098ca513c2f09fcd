"""Who put which weak labels in force, and which embedding was made active: told in the journal."""

import threading

import pytest

from embtune.errors import ConflictError
from embtune.store.journal import EMBEDDING, WEAK_RUN


@pytest.fixture
def twice(project):
    """Two runs of weak supervision, the second in force."""
    for row in range(0, 18):
        project.label([row], ["Alpha", "Beta", "Gamma"][row % 3])
    for name in ("Alpha", "Beta", "Gamma"):
        project.heuristics.add("lookup", f"finds {name}", label=name, terms=[name.lower()])
    project.heuristics.run()
    numbers = [project.weak.run("majority")["run"] for _ in range(2)]
    return project, numbers


def summaries(project, kind):
    return [(action.summary, action.undone_at is None) for action in project.history(kind=kind)]


def test_putting_a_run_in_force_and_out_of_it_is_told_and_can_be_undone(twice):
    project, (first, second) = twice
    ann = project.view(annotator="ann")
    ann.weak.put_in_force(first)
    ann.weak.put_in_force(first)  # it is
    project.weak.put_in_force(None)
    assert [one.detail["run"] for one in project.history(2, kind="votes")] == [second, first]
    out, put = project.history(kind=WEAK_RUN)
    assert (out.summary, out.annotator) == (
        f"Took run {first} of weak supervision out of force",
        project.annotator,
    )
    assert put.summary == f"Put run {first} of weak supervision in force in place of run {second}"
    assert (put.annotator, put.place, put.n_records) == ("ann", "weak supervision", 42)
    with pytest.raises(ConflictError, match="No run of weak supervision is in force since: choose on Weak"):
        project.undo(put.id)
    project.undo(out.id)
    assert project.weak.standing().id == first
    project.undo(put.id)
    assert project.weak.standing().id == second
    project.redo(put.id)
    assert project.weak.standing().id == first


def test_who_takes_back_the_last_label_leaves_what_is_in_force(twice):
    project, (first, _) = twice
    flag = project.flag([0])
    project.weak.put_in_force(first)
    assert project.book.last().id == flag.id
    assert project.undo().id == flag.id
    assert project.weak.standing().id == first


@pytest.fixture
def two_versions(faint_project, axes, label_rows):
    label_rows(faint_project, range(0, 30))
    faint_project.tune("axes")
    faint_project.tune("axes", parameters={"keep": "noise"})
    return faint_project


def test_promotions_and_roll_backs_are_told_and_can_be_undone(two_versions):
    project = two_versions
    ann = project.view(annotator="ann")
    ann.activate("v2")
    project.activate("v1")
    project.activate("raw")
    told = [(action.summary, action.annotator) for action in project.history(kind=EMBEDDING)]
    me = project.annotator
    assert told == [
        ("Rolled back to raw", me),
        ("Rolled back to v1", me),
        ("Made v2 the active embedding", "ann"),
        ("v1 became the active embedding", me),
    ]
    back, _, by_hand, _ = project.history(kind=EMBEDDING)
    with pytest.raises(ConflictError, match="raw is the active embedding since: choose on Tune"):
        project.undo(by_hand.id)
    assert project.undo(back.id).undone_at is not None
    assert project.active_embedding == "v1"
    project.redo(back.id)
    assert project.active_embedding == "raw"
    project.delete_version("v1")
    assert project.why_not([back])[back.id] == "v1 was deleted since: tune again."
    assert project.book.last().kind == "votes"


def test_a_name_that_the_journal_tells_of_is_never_given_again(two_versions):
    """Else undoing a roll-back from a deleted version would make another active that the gate refused."""
    project = two_versions
    project.activate("v2")
    project.activate("v1")
    back = project.history(kind=EMBEDDING)[0]
    project.delete_version("v2")
    assert project.next_version_name() == "v3"
    assert project.tune("axes", parameters={"keep": "noise"})["version"] == "v3"
    with pytest.raises(ConflictError, match="v2 was deleted since: tune again"):
        project.undo(back.id)
    assert project.active_embedding == "v1"
    project.delete_version("v3")  # it never was active
    assert project.next_version_name() == "v3"


def test_a_promotion_by_hand_that_is_undone_leaves_no_mark_on_the_version(two_versions):
    project = two_versions
    ann = project.view(annotator="ann")
    ann.activate("v2")
    first = project.history(1, kind=EMBEDDING)[0]
    mark = project.version("v2").gate["by_hand"]
    assert mark["by"] == "ann"
    project.undo(first.id)
    assert "by_hand" not in project.version("v2").gate
    assert project.version("v2").gate["reason"]
    project.redo(first.id)
    assert project.version("v2").gate["by_hand"] == mark
    project.activate("raw")
    project.activate("v2")
    second = project.history(1, kind=EMBEDDING)[0]
    assert project.version("v2").gate["by_hand"]["before"] == "raw"
    project.undo(second.id)
    assert project.version("v2").gate["by_hand"] == mark  # ann's, which was there before


def test_two_tunings_that_end_at_once_get_names_of_their_own(faint_project, axes, label_rows, monkeypatch):
    """Both are held where they have measured and not written: each had seen that v1 was free."""
    from embtune.work import tuning

    label_rows(faint_project, range(0, 30))
    barrier = threading.Barrier(2)
    saved = tuning.insert_version

    def both_at_once(*args, **values):
        barrier.wait(timeout=30)
        return saved(*args, **values)

    monkeypatch.setattr(tuning, "insert_version", both_at_once)
    made, failed = [], []

    def tune():
        try:
            made.append(faint_project.tune("axes")["version"])
        except Exception as error:  # what a thread raises is lost
            failed.append(error)

    threads = [threading.Thread(target=tune) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failed, sorted(made)) == ([], ["v1", "v2"])
    assert len({row.folder for row in faint_project.versions}) == 2
    assert len({row.file for row in faint_project.embeddings}) == 3
    for name in made:
        assert faint_project.vectors(name).shape[0] == 60
        assert faint_project.path(faint_project.version(name).folder).is_dir()
