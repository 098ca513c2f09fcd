"""Tune: says whether the labels suffice, starts the job asked for, and keeps the versions in hand."""

from embtune.work.promoting import verdict_of


def test_without_labels_the_page_says_what_is_missing_and_where_to_get_it(open_page, project):
    at = open_page("tune", project)
    assert at.button(key="tune_start").disabled
    assert "at least 2 labels with 1 record each" in at.warning[0].value
    assert {"map", "sessions"} <= {link.proto.page for link in at.get("page_link")}


def test_with_labels_the_counts_show_and_the_button_starts_a_tuning(open_page, labelled, started, shown):
    at = open_page("tune", labelled)
    assert "Labels to learn from: 24" in shown(at)
    assert "Alpha 8" in shown(at)
    assert "lasso 24" in shown(at)
    at.button(key="tune_start").click().run()
    assert started == [("tune", {"recipe": "auto", "min_confidence": 0.7, "seed": 0, "parameters": {}})]


def test_a_changed_parameter_is_told_passed_on_and_can_be_undone(open_page, labelled, started, shown):
    at = open_page("tune", labelled)
    at.selectbox(key="tune_recipe").set_value("quaterion-triplet").run()
    at.number_input(key="tune_quaterion-triplet_patience").set_value(6)
    at.selectbox(key="tune_quaterion-triplet_mining").set_value("all").run()
    assert "Changed: mining all, patience 6." in shown(at)
    at.button(key="tune_start").click().run()
    assert started[0][1]["parameters"] == {"mining": "all", "patience": 6}
    at.button(key="tune_reset").click().run()
    assert "Changed: " not in shown(at)


def test_the_threshold_shows_with_automatic_labels_only_and_drops_the_weaker_ones(open_page, labelled, shown):
    assert not open_page("tune", labelled).slider
    labelled.label([50, 53], "Gamma", source="heuristic", confidence=0.8)
    at = open_page("tune", labelled)
    assert "Labels to learn from: 26" in shown(at)
    at.slider(key="tune_confidence").set_value(0.9).run()
    assert "Labels to learn from: 24" in shown(at)


def test_weak_labels_may_weigh_as_much_as_manual_ones(open_page, labelled, started):
    assert "tune_weigh" not in [one.key for one in open_page("tune", labelled).toggle]
    labelled.label([50, 53], "Gamma", source="heuristic", confidence=0.8)
    at = open_page("tune", labelled)
    at.button(key="tune_start").click().run()
    at.toggle(key="tune_weigh").set_value(False).run()
    at.button(key="tune_start").click().run()
    assert [options.get("weight_by_confidence") for _, options in started] == [None, False]


def test_a_version_shows_its_score_beside_raw_and_can_be_made_active_and_taken_back(open_page, tuned, shown):
    tuned.activate("raw")
    at = open_page("tune", tuned)
    assert "v1" in shown(at)
    assert verdict_of(tuned.version("v1")).short in shown(at).lower()
    assert "24 labels" in shown(at)
    at.button(key="tune_activate_v1").click().run()
    assert tuned.active_embedding == "v1"
    at.button(key="tune_back").click().run()
    assert tuned.active_embedding == "raw"


def test_a_card_has_one_verdict(open_page, tuned, shown):
    """Better neighbours and a quick model that is no better: the card must not say yes and no."""
    from embtune.store.tables import versions

    better, chance = {"mean": 0.2, "low": 0.1, "high": 0.3}, {"mean": 0.02, "low": -0.01, "high": 0.05}
    metrics = tuned.version("v1").metrics | {
        "measured_on": "reference labels",
        "difference": better,
        "difference_to_raw": better,
        "accuracy": {"new": 0.82, "raw": 0.8},
        "accuracy_difference": chance,
    }
    with tuned.db.write() as connection:
        gate = {"active": False, "reason": "as an older release put it", "before": "raw"}
        connection.execute(versions.update().values(metrics=metrics, gate=gate))
    said = shown(open_page("tune", tuned))
    assert said.count("Not better than raw beyond doubt") == 1
    assert "because a quick model on it is better by no more than chance may give" in said
    assert "<b>yes</b>" not in said
    assert "older release" not in said


def test_labels_given_after_a_version_are_counted_one_by_one(open_page, tuned, shown):
    assert "No new labels since v1." in shown(open_page("tune", tuned))
    names = [label.name for label in tuned.labels]
    tuned.label([40, 43, 46], names[1], source="manual")
    tuned.label([0], names[2], source="manual")  # was the first class
    assert "3 new labels, 1 changed label since v1." in shown(open_page("tune", tuned))


def test_details_show_what_a_version_was_made_from_and_delete_all_but_the_active_one(open_page, tuned, shown):
    tuned.activate("v1")
    at = open_page("tune", tuned)
    at.button(key="tune_details_v1").click().run()
    assert "make another one active first" in shown(at)
    tuned.activate("raw")
    at = open_page("tune", tuned)
    at.button(key="tune_details_v1").click().run()
    assert "lasso 24" in shown(at)
    at.button(key="tune_delete_v1").click().run()
    assert tuned.versions == []
    assert "v1" not in [row.name for row in tuned.embeddings]


def test_the_time_it_may_take_is_in_sight_and_passed_on(open_page, labelled, started):
    at = open_page("tune", labelled)
    at.segmented_control(key="tune_auto_budget").set_value(300).run()
    at.button(key="tune_start").click().run()
    assert started[0][1]["parameters"] == {"budget": 300}


def test_a_version_that_the_gate_refused_says_so_is_marked_by_hand_and_rolled_back(open_page, tuned, shown):
    from embtune.store import artifacts

    mark = {"by": "ada", "at": 1.0, "before": "raw"}
    artifacts.activate(tuned.db, tuned.id, "v1", annotator="ada", summary="Made v1 active", mark=mark)
    at = open_page("tune", tuned)
    assert "Made active by hand by ada" in shown(at)
    at.button(key="tune_roll_back_v1").click().run()
    assert tuned.active_embedding == "raw"


def test_a_slice_bounds_the_labels_and_is_passed_on(open_page, labelled, started, shown):
    labelled.save_slice("early", rows=range(12))
    at = open_page("tune", labelled)
    assert "Labels to learn from: 24" in shown(at)
    at.selectbox(key="tune_slice").set_value("early").run()
    assert "Labels to learn from: 12" in shown(at)
    assert "Alpha 4" in shown(at)
    at.button(key="tune_start").click().run()
    assert started[0][1]["slice"] == "early"
    at.selectbox(key="tune_slice").set_value(None).run()
    at.button(key="tune_start").click().run()
    assert "slice" not in started[1][1]


def test_a_slice_without_labels_or_records_cannot_be_tuned_on(open_page, labelled, shown):
    labelled.save_slice("late", rows=range(40, 50))
    labelled.save_slice("flags", query={"flagged": True})
    at = open_page("tune", labelled, tune_slice="late")
    assert "none has that many in the slice late now" in at.warning[0].value
    assert at.button(key="tune_start").disabled
    at.selectbox(key="tune_slice").set_value("flags").run()
    assert "The slice 'flags' of project 'demo' holds no record now" in at.error[0].value
    assert at.button(key="tune_start").disabled


def test_a_version_of_a_slice_says_so(open_page, labelled, shown):
    labelled.save_slice("early", rows=range(12))
    labelled.tune("propagate", slice="early")
    at = open_page("tune", labelled)
    assert "12 labels of slice early" in shown(at)
    assert "v1 learned from the labels of the slice early." in shown(at)
    at.selectbox(key="tune_slice").set_value("early").run()
    assert "No new labels since v1." in shown(at)


def test_a_slice_that_was_deleted_is_forgotten(open_page, labelled, shown):
    labelled.save_slice("early", rows=range(12))
    at = open_page("tune", labelled, tune_slice="early")
    assert "Labels to learn from: 12" in shown(at)
    labelled.delete_slice("early")
    at.run()
    assert not at.exception
    assert "Labels to learn from: 24" in shown(at)
