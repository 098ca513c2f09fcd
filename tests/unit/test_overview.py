"""Where a project stands: counts by class, source and person, and when labels came."""

import numpy as np

from embtune.labeling.state import SOURCES
from embtune.store.tables import actions
from embtune.work.overview import CHECK


def test_labels_are_counted_by_class_source_and_person(project):
    project.label([0, 3], "Alpha")
    project.label([1, 4, 7], "Beta", source="import")
    project.view(annotator="zoe").label([6], "Alpha", source="session")
    project.label([9], None)
    now = project.standing()
    assert now.labels == ("Alpha", "Beta", "Gamma")
    assert now.n == 60
    assert now.n_labelled == 6
    assert now.n_none == 1
    assert now.by_source == {"session": 1, "manual": 2, "import": 3}
    assert now.counts[0, SOURCES.index("manual")] == 2
    assert now.by_annotator == {project.annotator: 2, "zoe": 1}
    assert now.n_by_people == 3


def test_an_undone_label_stands_no_more(project):
    project.label([0, 3], "Alpha")
    project.undo()
    assert project.standing().n_labelled == 0
    assert len(project.progress_over_time().at) == 0


def test_progress_counts_what_stands_by_when_it_was_given(project):
    day = 86_400.0
    for rows, days_ago in (([0, 3], 12), ([1], 8), ([2, 5, 8], 6)):
        action = project.label(rows, "Alpha")
        with project.db.write() as connection:
            connection.execute(
                actions.update()
                .where(actions.c.id == action.id)
                .values(created_at=1_700_000_000.0 - days_ago * day)
            )
    project.label([0], "Beta", source="import")  # a person said otherwise: it does not count
    project._cache.clear()
    found = project.progress_over_time()
    assert found.unit == "day"
    assert found.by_source["manual"].tolist() == [2, 2, 2, 2, 3, 3, 6]
    assert list(found.by_source) == ["manual"]
    assert np.allclose(np.diff(found.at), day)


def test_the_next_step_follows_the_work(project, label_rows, axes):
    assert project.next_step().page == "sessions"  # typical records first
    label_rows(project, [0, 1])
    assert project.next_step().action == "Label typical records"
    label_rows(project, range(15))
    assert project.next_step().page == CHECK
    label_rows(project, range(30))
    assert project.next_step().page == "tune"
    project.tune("axes", parameters={"keep": "signal"})
    project.activate("v1")
    assert project.next_step().page == "sessions"  # half is labelled: what is left is in doubt
    label_rows(project, range(60))
    assert project.next_step().page == "export"


def test_a_version_is_tuned_again_when_there_are_four_times_its_labels(project, label_rows, axes):
    label_rows(project, range(12))
    project.tune("axes", parameters={"keep": "signal"})
    project.activate("v1")
    label_rows(project, range(12, 47))
    assert project.next_step().page == "sessions"  # 35 new ones: less than three times 12
    label_rows(project, [47])
    assert project.next_step().page == "tune"


def test_a_project_without_vectors_is_sent_to_embed(home):
    import embtune

    made = embtune.open("bare")
    made.import_records(b'[{"t": "one"}, {"t": "two"}]', name="x.json", text="{t}")
    assert made.next_step().page == "projects"
