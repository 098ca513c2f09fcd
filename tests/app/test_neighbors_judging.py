"""Neighbors: say which neighbours are alike, which not, and which of two is closer; take it back."""

import pytest


@pytest.fixture
def judged(open_page, given_to, browser_sends):
    """Open record 0 of a project; gives its page, its neighbours' rows, and a way to send steps."""

    def opened(project):
        at = open_page("neighbors", project, neighbors_row=0)
        rows = [line["row"] for line in given_to(at, "neighbors_list_raw")["lines"]]
        sent = []

        def send(*steps):
            for step in steps:
                sent.append({"seq": len(sent) + 1, "anchor": 0, **step})
            browser_sends(at, "neighbors_list_raw", steps={"client": "x", "steps": list(sent)})

        return at, rows, send

    return opened


def line_of(given, row):
    return next(line for line in given["lines"] if line["row"] == row)


def said(project):
    return [(one.rows, one.score) for one in project.judgements()]


def test_nothing_said_yet_tells_what_can_be_said(open_page, project, given_to, shown):
    at = open_page("neighbors", project, neighbors_row=0)
    given = given_to(at, "neighbors_list_raw")
    assert given["judged_with"] == 0
    assert all((line["score"], line["closer_than"]) == (None, 0) for line in given["lines"])
    assert "Mark a neighbour ≈ similar or ≠ different" in shown(at)


def test_marks_that_would_train_nothing_are_told_where_they_are_given(
    open_page, project, plain_project, shown
):
    at = open_page("neighbors", project, neighbors_row=0)  # every record has a reference label
    assert "Marks ≈ ≠ on this record train nothing: it has a reference label" in shown(at)
    assert "train nothing" not in shown(open_page("neighbors", plain_project, neighbors_row=0))
    aside = plain_project.kept_aside().nonzero()[0]
    row = next(row for row in range(60) if row not in aside)
    plain_project.label(aside, plain_project.add_label("News").name)
    at = open_page("neighbors", plain_project, neighbors_row=row)
    assert "these neighbours train nothing: each has a label kept aside to measure with." in shown(at)


def test_marks_are_kept_shown_and_counted_without_looking_for_neighbours_again(
    plain_project, judged, given_to, shown, monkeypatch
):
    at, (a, b, c, *_), send = judged(plain_project)
    looked = []
    monkeypatch.setattr(type(plain_project), "compare_neighbors", lambda *_: looked.append(1))
    send({"row": a, "score": 1}, {"row": b, "score": 0})
    send({"closer": a, "farther": c})
    assert said(plain_project) == [((0, a), 1.0), ((0, b), 0.0), ((0, a, c), None)]
    assert looked == []
    given = given_to(at, "neighbors_list_raw")
    assert [line_of(given, row)["score"] for row in (a, b, c)] == [1.0, 0.0, None]
    assert [line_of(given, row)["closer_than"] for row in (a, b, c)] == [1, 0, 0]
    assert given["taken"] == {"client": "x", "seq": 3}
    said_below = (
        "<b>1</b> similar, <b>1</b> different, <b>1</b> triplet: they are used by the recipe Quaterion"
    )
    assert said_below in shown(at)


def test_a_mark_is_taken_back_by_pressing_it_again_and_by_undo(plain_project, judged, given_to, shown):
    at, (a, b, *_), send = judged(plain_project)
    send({"row": a, "score": 1}, {"row": b, "score": 1}, {"row": a, "score": None})
    assert said(plain_project) == [((0, b), 1.0)]
    button = at.button(key="neighbors_undo_judgement")
    assert button.help == "Took back the mark on 2 records"
    button.click().run()
    assert sorted(said(plain_project)) == sorted([((0, a), 1.0), ((0, b), 1.0)])
    at.button(key="neighbors_undo_judgement").click().run()
    plain_project.undo()  # as the sidebar does
    at.run()
    assert said(plain_project) == []
    assert "Mark a neighbour ≈ similar" in shown(at)
    assert line_of(given_to(at, "neighbors_list_raw"), a)["score"] is None


def test_what_was_said_shows_from_the_other_record_too(plain_project, judged, given_to, browser_sends):
    at, (a, *_), send = judged(plain_project)
    send({"row": a, "score": 0})
    browser_sends(at, "neighbors_list_raw", trigger="open", value=a)
    given = given_to(at, "neighbors_list_raw")
    assert given["judged_with"] == a
    assert line_of(given, 0)["score"] == 0.0


def test_labels_and_marks_sent_together_are_all_taken(project, judged):
    _, (a, b, *_), send = judged(project)
    alpha = project.label_named("Alpha").id
    send({"row": a, "label": alpha}, {"row": b, "score": 1}, {"row": b, "label": -2})
    assert (project.record(a).label, project.record(b).label) == ("Alpha", "none of these")
    assert said(project) == [((0, b), 1.0)]


def test_a_mark_that_cannot_be_kept_is_told_in_a_sentence(project, judged):
    at, _, send = judged(project)
    send({"row": 0, "score": 1})
    assert said(project) == []
    told = [*at.info, *at.warning, *at.error]
    assert any("cannot be judged against itself" in element.value for element in told)


def test_marks_on_records_that_are_measured_on_say_that_they_train_nothing(project, judged, shown):
    at, (a, *_), send = judged(project)  # every record has a reference label
    send({"row": a, "score": 1})
    assert "the recipe Quaterion cannot use them" in shown(at)


def test_lists_that_are_no_neighbours_offer_no_marks(open_page, project, given_to):
    at = open_page("neighbors", project)
    assert given_to(at, "neighbors_beginnings")["judged_with"] is None
