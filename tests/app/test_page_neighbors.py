"""Neighbors: find a record, read both neighbourhoods, label in place, start a session."""

import numpy as np
import pytest


@pytest.fixture
def pulled(project):
    """The project with a version v1 beside raw: its second half of classes pulled apart by hand."""
    from embtune.embedding.matrix import save_matrix
    from embtune.store import artifacts

    vectors = project.vectors("raw").copy()
    for c in range(3):
        vectors[c::3, c] += 0.5  # every class nearer to its own axis
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    path = project.folder("embeddings") / "v1.npy"
    save_matrix(path, vectors)
    raw = project.find_embedding("raw")
    artifacts.put_embedding(
        project.db,
        project.id,
        name="v1",
        model=raw.model,
        model_path=raw.model_path,
        dim=raw.dim,
        n_rows=raw.n_rows,
        file=project.relative(path),
        detail={},
    )
    return project


def html(at):
    return " ".join(str(element.proto.body) for element in at.get("html"))


def param(at, name):
    value = at.query_params[name]
    return value if isinstance(value, str) else value[0]


def at_row(at):
    return int(param(at, "row"))


def test_without_a_record_it_offers_some_and_one_opens(open_page, project, given_to, browser_sends):
    at = open_page("neighbors", project)
    offered = given_to(at, "neighbors_beginnings")["lines"]
    assert len(offered) == 6
    browser_sends(at, "neighbors_beginnings", trigger="open", value=offered[2]["row"])
    assert at_row(at) == offered[2]["row"]
    assert project.record(offered[2]["row"]).text[:30] in html(at)


def test_a_record_sent_by_another_page_is_open_and_its_neighbours_are_the_projects(
    open_page, project, given_to
):
    at = open_page("neighbors", project, neighbors_row=4)
    lines = given_to(at, "neighbors_list_raw")["lines"]
    expected = project.neighbors(4, k=25)
    assert [line["row"] for line in lines] == [one.record.row for one in expected]
    assert [line["rank"] for line in lines] == list(range(1, 26))
    assert float(lines[0]["cosine"]) == pytest.approx(expected[0].cosine, abs=0.006)


def test_words_find_records_and_the_one_picked_opens(open_page, project, given_to, browser_sends):
    at = open_page("neighbors", project)
    at.text_input(key="neighbors_query").set_value("beta 19").run()
    found = given_to(at, "neighbors_results")["lines"]
    assert [line["row"] for line in found] == [58]
    browser_sends(at, "neighbors_results", trigger="open", value=58)
    assert at_row(at) == 58
    assert given_to(at, "neighbors_results") is None  # folded away
    assert at.button(key="neighbors_unfold").label.startswith("Show what")


def test_words_that_nothing_contains_say_what_to_try(open_page, project):
    at = open_page("neighbors", project)
    at.text_input(key="neighbors_query").set_value("zebra").run()
    assert "No record contains “zebra”" in at.info[0].value


def test_an_id_finds_its_record(open_page, project, given_to):
    at = open_page("neighbors", project)
    at.segmented_control(key="neighbors_how").set_value("id").run()
    at.text_input(key="neighbors_query").set_value(project.record(33).id[:10]).run()
    assert [line["row"] for line in given_to(at, "neighbors_results")["lines"]] == [33]


def test_search_by_meaning_in_own_vectors_is_refused_in_a_sentence(open_page, project):
    at = open_page("neighbors", project)
    at.segmented_control(key="neighbors_how").set_value("meaning").run()
    at.text_input(key="neighbors_query").set_value("anything").run()
    assert "a free text cannot be encoded like them" in at.error[0].value


def test_random_and_next_unlabelled_open_a_record(open_page, project):
    project.label([0, 1, 2], "Alpha")
    at = open_page("neighbors", project, neighbors_row=0)
    at.button(key="neighbors_next").click().run()
    assert at_row(at) == 3
    at.button(key="neighbors_random").click().run()
    assert 0 <= at_row(at) < 60


def test_the_record_is_labelled_by_its_button_and_the_share_follows(open_page, project):
    project.label(np.arange(3, 30, 3), "Alpha")
    project.label([1, 2], "Beta")
    at = open_page("neighbors", project, neighbors_row=0)
    assert "label the record to see the same-label share" in html(at)
    alpha = project.label_named("Alpha")
    button = at.button(key=f"neighbors_label_{alpha.id}")
    assert button.proto.shortcut == "1"
    button.click().run()
    assert project.record(0).label == "Alpha"
    around = project.neighbor_rows(0, k=25)[0]
    labels = [project.record(int(row)).label for row in around]
    labelled = sum(label is not None for label in labels)
    assert f"same label <b>{labels.count('Alpha')}</b> of {labelled} labelled" in html(at)
    assert "by reference label" in html(at)


def test_neighbours_are_labelled_in_place_each_once_and_in_order(open_page, project, given_to, browser_sends):
    at = open_page("neighbors", project, neighbors_row=0)
    lines = given_to(at, "neighbors_list_raw")["lines"]
    first, second = lines[0]["row"], lines[1]["row"]
    alpha, beta = (project.label_named(name).id for name in ("Alpha", "Beta"))
    steps = [{"seq": 1, "row": first, "label": beta}, {"seq": 2, "row": second, "label": alpha}]
    browser_sends(at, "neighbors_list_raw", steps={"client": "x", "steps": steps})
    assert [project.record(row).label for row in (first, second)] == ["Beta", "Alpha"]
    assert given_to(at, "neighbors_list_raw")["taken"] == {"client": "x", "seq": 2}
    # The browser sends a third before it heard of the first two: those are not given again.
    steps.append({"seq": 3, "row": first, "label": -2})
    browser_sends(at, "neighbors_list_raw", steps={"client": "x", "steps": steps})
    assert project.record(first).label == "none of these"
    assert len(project.history()) == 3


def test_opening_a_neighbour_leaves_a_way_back(open_page, project, browser_sends):
    at = open_page("neighbors", project, neighbors_row=0)
    browser_sends(at, "neighbors_list_raw", trigger="open", value=9)
    assert at_row(at) == 9
    at.button(key="neighbors_back").click().run()
    assert at_row(at) == 0
    assert not [button for button in at.button if button.key == "neighbors_back"]


def test_without_a_version_the_right_side_says_what_tune_needs(open_page, project):
    at = open_page("neighbors", project, neighbors_row=0)
    said = " ".join(element.value for element in at.markdown)
    assert "No tuned version yet" in said
    assert "at least 2 labels with 1 record each" in said


def test_a_version_stands_beside_raw_with_ranks_gained_and_lost(open_page, pulled, given_to):
    at = open_page("neighbors", pulled, neighbors_row=0)
    left, right = (given_to(at, f"neighbors_list_{side}")["lines"] for side in ("raw", "tuned"))
    raw = [int(row) for row in pulled.neighbor_rows(0, 25, "raw")[0]]
    v1 = [int(row) for row in pulled.neighbor_rows(0, 25, "v1")[0]]
    assert ([line["row"] for line in left], [line["row"] for line in right]) == (raw, v1)
    lost = {line["row"] for line in left if line["mark"] == "lost"}
    new = {line["row"] for line in right if line["mark"] == "new"}
    assert (lost, new) == (set(raw) - set(v1), set(v1) - set(raw))
    assert lost  # the made-up version does move some
    one = next(line for line in right if line["row"] in raw)
    assert one["elsewhere"] == f"#{raw.index(one['row']) + 1} in raw"


def test_start_session_makes_an_ordered_one_and_opens_it(open_page, pulled):
    at = open_page("neighbors", pulled, neighbors_row=5)
    at.number_input(key="neighbors_k").set_value(10).run()
    at.button(key="neighbors_session_tuned").click().run()
    made = pulled.sessions()[0]
    assert (made.kind, made.n_items) == ("similar", 10)
    assert made.origin == {"record": pulled.record(5).id, "embedding": "v1", "k": 10}
    expected, cosine = pulled.neighbor_rows(5, 10, "v1")
    items = pulled.sessions_book.items(made.id)
    assert [item.row for item in items] == expected.tolist()
    assert [item.cosine for item in items] == pytest.approx(cosine.tolist())
    assert param(at, "session") == str(made.id)


def test_many_neighbours_come_in_pages_of_25(open_page, project, given_to):
    at = open_page("neighbors", project, neighbors_row=0)
    at.number_input(key="neighbors_k").set_value(55).run()
    at.button(key="neighbors_later").click().run()
    at.button(key="neighbors_later").click().run()
    assert [line["rank"] for line in given_to(at, "neighbors_list_raw")["lines"]] == list(range(51, 56))
    assert at.button(key="neighbors_later").disabled


def test_row_and_k_survive_a_reload(open_page, project, given_to):
    at = open_page("neighbors", project, neighbors_row=7)
    at.number_input(key="neighbors_k").set_value(10).run()
    address = {name: param(at, name) for name in ("project", "row", "k")}
    again = open_page("neighbors")
    for name, value in address.items():
        again.query_params[name] = value
    again.run()
    assert at_row(again) == 7
    assert len(given_to(again, "neighbors_list_raw")["lines"]) == 10


def test_texts_with_markup_are_sent_as_text(open_page, home, tmp_path):
    import json

    import embtune

    nasty = embtune.open("nasty")
    nasty.import_records(
        json.dumps([{"t": "<script>alert(1)</script> **bold**"}, {"t": "plain"}]).encode(),
        name="n.json",
        text="{t}",
    )
    np.save(tmp_path / "v.npy", np.eye(2, dtype=np.float32))
    nasty.embed(vectors=tmp_path / "v.npy")
    at = open_page("neighbors", nasty, neighbors_row=0)
    assert "&lt;script&gt;" in html(at)
    assert "<script>alert" not in html(at)
