"""refinery's snapshots: what is read, what is translated, and every way in which a file can be wrong."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest

from embtune.errors import BadFileError
from embtune.filtering.query import parse
from embtune.records.refinery import (
    Attribute,
    Comment,
    Label,
    Learner,
    Lookup,
    LookupList,
    Slice,
    Statistics,
    checked,
    read_snapshot,
    report,
)
from tests.unit.test_refinery_code import LEARNER

LOOKUP = """from knowledge import ripe_fruit

def lf(record):
    for term in ripe_fruit:
        if term.lower() in record["body"].text.lower():
            return "Fruit"
"""
EXTRACTOR = 'def lf(record):\n    yield "place", 0, 1\n'


def association(number, record, label, kind, **more):
    return {
        "id": f"a{number}",
        "source_id": "None",
        "record_id": record,
        "labeling_task_label_id": label,
        "source_type": kind,
        "return_type": "RETURN",
        "confidence": None,
        "is_gold_star": None,
        "created_by": "ann",
        "created_at": "2024-05-01 10:00:00",
        "weak_supervision_id": None,
        "is_valid_manual_label": True,
    } | more


def source(number, name, code, **more):
    return {
        "id": f"s{number}",
        "name": name,
        "type": "LABELING_FUNCTION",
        "return_type": "RETURN",
        "description": "provide some description for documentation",
        "source_code": code,
        "is_selected": True,
        "version": 1,
        "created_at": "2024-05-01 08:00:00.5",
        "labeling_task_id": "t1",
    } | more


def filtering(*elements):
    return {"filter_data": list(elements), "filter_raw": {}}


def a_slice(**more):
    return {
        "id": "d1",
        "created_at": "2024-05-01 12:00:00",
        "created_by": "ann",
        "name": "Mine",
        "filter_data": None,
        "static": False,
        "filter_raw": {"ATTRIBUTES": {"groupElements": []}},
        "count": None,
        "count_sql": "None",
        "slice_type": "DYNAMIC_DEFAULT",
        "info": None,
    } | more


def content():
    """A project of four records, two tasks, one list and three heuristics, as refinery writes it."""
    texts = ["An apple a day", "Ripe PEAR pie", "Roast leek", "Apple and leek"]
    return {
        "project_details_data": {
            "id": "p",
            "name": "Kitchen",
            "description": "What is cooked",
            "tokenizer": "en",
        },
        "attributes_data": [
            {
                "id": "f2",
                "name": "body",
                "data_type": "TEXT",
                "is_primary_key": False,
                "relative_position": 2,
            },
            {
                "id": "f1",
                "name": "nr",
                "data_type": "INTEGER",
                "is_primary_key": True,
                "relative_position": 1,
            },
        ],
        "records_data": [
            {"id": f"r{i}", "data": {"body": text, "nr": i}, "category": "SCALE"}
            for i, text in enumerate(texts)
        ],
        "labeling_tasks_data": [
            {"id": "t1", "attribute_id": "None", "name": "Kind", "task_type": "MULTICLASS_CLASSIFICATION"},
            {"id": "t2", "attribute_id": "f2", "name": "Places", "task_type": "INFORMATION_EXTRACTION"},
        ],
        "labeling_task_labels_data": [
            {"id": "l1", "labeling_task_id": "t1", "name": "Fruit", "color": "yellow", "hotkey": "q"},
            {"id": "l2", "labeling_task_id": "t1", "name": "Greens", "color": "plaid", "hotkey": None},
            {"id": "l3", "labeling_task_id": "t2", "name": "place", "color": "fuchsia", "hotkey": "p"},
        ],
        "information_sources_data": [
            source(1, "lkp_fruit", LOOKUP),
            source(2, "learner", LEARNER, type="ACTIVE_LEARNING", description="Learns"),
            source(3, "places", EXTRACTOR, return_type="YIELD", labeling_task_id="t2", is_selected=False),
        ],
        "information_source_payloads_data": [
            {"id": "y1", "source_id": "s1", "iteration": 1, "state": "FINISHED", "source_code": "old"},
            {"id": "y2", "source_id": "s1", "iteration": 2, "state": "FINISHED", "source_code": LOOKUP}
            | {"finished_at": "2024-05-01 09:00:00"},
            {"id": "y3", "source_id": "s1", "iteration": 3, "state": "FAILED", "source_code": "newer"},
        ],
        "information_source_statistics_data": [
            {
                "id": "x1",
                "source_id": "s1",
                "labeling_task_label_id": "l1",
                "true_positives": 1,
                "false_positives": 0,
                "false_negatives": 2,
                "record_coverage": 3,
                "total_hits": 3,
                "source_conflicts": 1,
                "source_overlaps": 2,
            }
        ],
        "record_label_associations_data": [
            association(1, "r0", "l1", "MANUAL"),
            association(2, "r2", "l2", "MANUAL", created_at="2024-05-01 09:00:00+00:00"),
            association(3, "r3", "l3", "MANUAL", return_type="YIELD"),
            association(4, "r3", "l1", "INFORMATION_SOURCE", source_id="s1", confidence=1.0),
            association(5, "r0", "l1", "INFORMATION_SOURCE", source_id="s1", confidence=1.0),
            association(6, "r1", "l1", "INFORMATION_SOURCE", source_id="s1", confidence=1.0),
            association(7, "r2", "l2", "INFORMATION_SOURCE", source_id="s2", confidence=0.75),
            association(8, "r1", "l1", "WEAK_SUPERVISION", confidence=0.5, weak_supervision_id="w2"),
            association(9, "r3", "l2", "WEAK_SUPERVISION", confidence=0.875, weak_supervision_id="w2"),
        ],
        "record_label_association_tokens_data": [{"record_label_association_id": "a3", "token_index": 0}],
        "knowledge_bases_data": [{"id": "k1", "name": "Ripe fruit", "description": None}],
        "terms_data": [
            {"knowledge_base_id": "k1", "value": "Apple", "comment": None, "blacklisted": False},
            {"knowledge_base_id": "k1", "value": "pear", "comment": None, "blacklisted": False},
            {"knowledge_base_id": "k1", "value": "date", "comment": None, "blacklisted": True},
        ],
        "weak_supervision_task_data": [
            {"id": "w1", "state": "FINISHED", "created_at": "2024-05-01 09:30:00"},
            {
                "id": "w2",
                "state": "FINISHED",
                "created_at": "2024-05-01 11:00:00",
                "finished_at": "2024-05-01 11:00:09",
                "selected_information_sources": "lkp_fruit, learner",
            },
        ],
        "data_slice_data": [a_slice()],
        "data_slice_record_association_data": [],
        "embeddings_data": [{"id": "e1", "name": "body-classification-mini"}],
        "comments": [
            {"xfkey": "r1", "xftype": "RECORD", "comment": "Sure?", "created_by": "bob"}
            | {"created_at": "2024-05-02 00:00:00", "is_private": False},
            {"xfkey": "l1", "xftype": "LABEL", "comment": "Sweet", "created_by": "bob"},
        ],
    }


def zipped(inside, name="snapshot_data.json", **more):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, inside if isinstance(inside, bytes) else json.dumps(inside))
        for other, bytes_of in more.items():
            archive.writestr(other, bytes_of)
    return buffer.getvalue()


def read(inside, **more):
    return read_snapshot(zipped(inside), name="kitchen.zip", **more)


def listed(votes):
    return list(zip(votes.rows.tolist(), votes.labels.tolist(), votes.confidence.tolist(), strict=True))


# ---- what is read -------------------------------------------------------------------------------


def test_records_tasks_labels_and_lists_come_in_embtunes_words():
    found = read(content())
    assert (found.name, found.description, found.file) == ("Kitchen", "What is cooked", "kitchen.zip")
    assert found.attributes == (Attribute("nr", "INTEGER", True), Attribute("body", "TEXT"))
    assert found.table.columns == ("nr", "body")
    assert found.table.rows[1] == {"nr": 1, "body": "Ripe PEAR pie"}
    kind, places = found.tasks
    assert (kind.name, kind.field, kind.spans) == ("Kind", None, False)
    assert kind.labels == (Label("Fruit", "#EAB308", "q"), Label("Greens", None, None))
    assert (places.name, places.field, places.spans) == ("Places", "body", True)
    assert found.classifying == (kind,)
    assert found.lists == (LookupList("Ripe fruit", "", ("Apple", "pear"), ("date",)),)
    assert found.embeddings == ("body-classification-mini",)
    assert found.notes == ("The colour 'plaid' is not known; its label gets another.",)


def test_heuristics_come_with_their_code_statistics_and_votes():
    lookup, learner, places = read(content()).heuristics
    assert (lookup.name, lookup.task, lookup.kind, lookup.selected) == ("lkp_fruit", "Kind", "lookup", True)
    assert lookup.config == Lookup("Fruit", ("body",), ("Ripe fruit",))
    assert (lookup.code, lookup.description, lookup.why) == (LOOKUP, "", "")
    assert lookup.statistics == (Statistics("Fruit", 1, 0, 2, 3, 3, 1, 2),)
    assert lookup.coverage == 3
    assert listed(lookup.votes) == [(0, 0, 1.0), (1, 0, 1.0), (3, 0, 1.0)]
    assert lookup.ran_at == 1714554000.0  # 2024-05-01 09:00:00 UTC: the third run failed
    assert not lookup.code_changed
    assert (learner.kind, learner.description) == ("learner", "Learns")
    assert learner.config == Learner(
        "logistic regression", "body-classification-mini", 0.6, None, "LogisticRegression()"
    )
    assert listed(learner.votes) == [(2, 1, 0.75)]
    assert (places.kind, places.config, places.votes) == ("code", None, None)
    assert (places.code, places.spans, places.selected) == (EXTRACTOR, True, False)
    assert places.why == "it marks spans in a text, which embtune does not"


def test_people_s_labels_keep_who_gave_them_when():
    inside = content()
    inside["record_label_associations_data"] += [
        association(20, "r0", "l2", "MANUAL", created_by="bob", created_at="2024-05-01 08:00:00"),
        association(21, "r2", "l1", "MANUAL", created_at="2024-05-01 08:30:00"),  # ann took this one back
        association(22, "r3", "l2", "MANUAL", created_by="bob", is_gold_star=True, created_at=None),
    ]
    inside["data_slice_data"][0]["filter_raw"] = {
        "USER_FILTER": {
            "groupElements": [{"active": False, "users": [{"id": "ann", "displayName": "Ann P."}]}]
        }
    }
    given = read(inside).manual["Kind"]
    assert given.rows.tolist() == [0, 2, 0, 3]
    assert given.labels.tolist() == [1, 1, 0, 1]
    assert given.users == ("refinery user bob", "Ann P.", "Ann P.", "refinery user bob")
    assert given.times.tolist() == [1714550400.0, 1714554000.0, 1714557600.0, 0.0]
    assert given.gold.tolist() == [False, False, False, True]


def test_a_filter_of_users_that_is_none_names_nobody():
    inside = content()
    inside["data_slice_data"][0]["filter_raw"] = {"USER_FILTER": {"groupElements": [{"users": 7}, 7]}}
    assert read(inside).manual["Kind"].users == ("refinery user ann",) * 2


def test_weak_labels_come_as_the_run_that_made_them():
    (run,) = read(content()).weak_runs
    assert (run.task, run.heuristics) == ("Kind", ("lkp_fruit", "learner"))
    assert (run.created_at, run.finished_at) == (1714561200.0, 1714561209.0)
    assert listed(run.votes) == [(1, 0, 0.5), (3, 1, 0.875)]


def test_weak_labels_of_no_named_run_are_a_run_too():
    inside = content()
    inside["weak_supervision_task_data"] = []
    for one in inside["record_label_associations_data"]:
        one["weak_supervision_id"] = None
    (run,) = read(inside).weak_runs
    assert (run.heuristics, run.created_at, len(run.votes)) == ((), None, 2)


def test_comments_on_records_come_and_others_are_counted():
    found = read(content())
    assert found.comments == (Comment(1, "Sure?", "refinery user bob", 1714608000.0),)
    assert found.left_out["comments on other things than records"] == 1


def test_names_that_differ_in_nothing_but_case_are_told_apart():
    inside = content()
    inside["labeling_task_labels_data"][1]["name"] = "fruit"
    found = read(inside)
    assert [label.name for label in found.tasks[0].labels] == ["Fruit", "fruit (2)"]
    assert "There are two of the name 'fruit': the later label became 'fruit (2)'." in found.notes


def test_a_snapshot_is_read_from_a_path_and_without_its_zip(tmp_path):
    inside = json.dumps(content()).encode()
    (tmp_path / "plain.json").write_bytes(b"\xef\xbb\xbf" + inside)
    (tmp_path / "snapshot.json.zip").write_bytes(zipped(inside, name="folder/snapshot_data.json"))
    for path in tmp_path.iterdir():
        assert read_snapshot(path).name == "Kitchen"


def test_what_a_mac_puts_into_a_zip_is_passed_over():
    inside = zipped(
        content(), **{"__MACOSX/._snapshot_data.json": b"\0\5\26\7", ".DS_Store": b"\0", "folder/": b""}
    )
    assert len(read_snapshot(inside, name="mac.zip").table.rows) == 4


def test_numbers_that_are_none_and_half_characters_do_not_come():
    inside = content()
    inside["records_data"][0]["data"] = {"body": "half \ud83d", "nr": float("nan")}
    inside["terms_data"][0]["value"] = "nul\0"
    found = read(inside)
    assert found.table.rows[0] == {"nr": None, "body": "half ?"}
    assert found.lists[0].terms == ("nul", "pear")


def test_no_code_of_a_snapshot_is_run(tmp_path):
    inside = content()
    target = tmp_path / "written"
    harm = f"open({str(target)!r}, 'w').close()\n"
    for one in inside["information_sources_data"]:
        one["source_code"] = harm + one["source_code"].replace("None", f"print({harm.strip()})")
    assert [one.kind for one in read(inside).heuristics] == ["code"] * 3
    assert not target.exists()


def test_a_kind_of_source_without_a_like_stays_code():
    inside = content()
    inside["information_sources_data"][0]["type"] = "CROWD_LABELER"
    assert read(inside).heuristics[0].why == "its kind, crowd labeler, has no like here"


# ---- slices -------------------------------------------------------------------------------------

SCALE = {"RELATION": "NONE", "NEGATION": False, "TARGET_COLUMN": "CATEGORY", "OPERATOR": "EQUAL"}
SCALE |= {"TARGET_TABLE": "RECORD", "VALUES": ["SCALE"]}


def on_field(operator, *values, relation="AND", negate=False):
    return {
        "RELATION": relation,
        "NEGATION": negate,
        "TARGET_TABLE": "RECORD",
        "TARGET_COLUMN": "DATA",
        "OPERATOR": operator,
        "VALUES": list(values),
    }


def on_labels(template, *values, kind="WHITELIST"):
    return {"SUBQUERY_TYPE": kind, "SUBQUERIES": [{"QUERY_TEMPLATE": template, "VALUES": list(values)}]}


def sliced(**more):
    inside = content()
    inside["data_slice_data"] = [a_slice(**more)]
    return read(inside).slices[0]


MANUAL = {"source": ["manual", "lasso", "session"]}
WEAK = {"source": "weak supervision"}


@pytest.mark.parametrize(
    ("elements", "query"),
    [
        ([SCALE], {}),
        ([json.dumps(SCALE)], {}),
        (
            [SCALE, on_field("CONTAINS", "body", "leek")],
            {"field": {"name": "body", "contains": "leek"}},
        ),
        (
            [SCALE, on_field("BEGINS_WITH_CS", "body", "An", negate=True)],
            {"not": {"field": {"name": "body", "begins": "An", "case": True}}},
        ),
        ([on_field("EQUAL", "body", "")], {"field": {"name": "body", "empty": True}}),
        ([on_field("CONTAINS", "body", "")], {}),
        ([on_field("GREATER", "nr", "2")], {"field": {"name": "nr", ">": 2}}),
        (
            [on_field("LESS_EQUAL", "nr", "2.5")],
            {
                "any": [
                    {"field": {"name": "nr", "<": 2.5}},
                    {"field": {"name": "nr", "equals": 2.5, "case": True}},
                ]
            },
        ),
        ([on_field("BETWEEN", "nr", "1", "2")], {"field": {"name": "nr", "between": [1, 2]}}),
        (
            [on_field("IN", "body", "a", "b")],
            {"field": {"name": "body", "in": ["a", "b"], "case": True}},
        ),
        (
            [on_field("IN_WC", "body", "a*.", "?b")],
            {"field": {"name": "body", "regex": r"(?s)^(?:a.*\.|.b)$"}},
        ),
        (  # "and" binds before "or"
            [
                SCALE,
                on_field("ENDS_WITH", "body", "a"),
                on_field("ENDS_WITH", "body", "b"),
                on_field("ENDS_WITH", "body", "c", relation="OR"),
            ],
            {
                "any": [
                    {
                        "all": [
                            {"field": {"name": "body", "ends": "a"}},
                            {"field": {"name": "body", "ends": "b"}},
                        ]
                    },
                    {"field": {"name": "body", "ends": "c"}},
                ]
            },
        ),
        (
            [SCALE, {"RELATION": "AND", "NEGATION": True, "FILTER": [on_field("CONTAINS", "body", "a")]}],
            {"not": {"field": {"name": "body", "contains": "a"}}},
        ),
        (
            [SCALE, on_labels("SUBQUERY_RLA_LABEL", "MANUAL", "l1", "l2")],
            {"all": [{"label": ["Fruit", "Greens"]}, MANUAL]},
        ),
        (
            [SCALE, on_labels("SUBQUERY_RLA_LABEL", "MANUAL", "l1", kind="BLACKLIST")],
            {"not": {"all": [{"label": ["Fruit"]}, MANUAL]}},
        ),
        ([on_labels("SUBQUERY_RLA_NO_LABEL", "MANUAL", "l1", "l2")], {"not": MANUAL}),
        (
            [
                on_labels("SUBQUERY_RLA_LABEL", "WEAK_SUPERVISION", "l1"),
                on_labels("SUBQUERY_RLA_CONFIDENCE", 0.25, 0.5),
            ],
            {
                "all": [
                    {"all": [{"label": ["Fruit"]}, WEAK]},
                    {"all": [WEAK, {"confidence": [0.25, 0.5]}]},
                ]
            },
        ),
        ([on_labels("SUBQUERY_HAS_COMMENTS", "ann")], {"commented": True}),
    ],
)
def test_a_filter_is_written_in_embtune_s_language(elements, query):
    found = sliced(**filtering(*elements))
    assert found.lost == ""
    assert found.query == query
    parse(found.query)  # it is one


def test_a_slice_says_which_task_it_asks_and_what_is_otherwise_here():
    asked = on_labels("SUBQUERY_RLA_LABEL", "WEAK_SUPERVISION", "l1")
    found = sliced(**filtering(asked, {"ORDER_BY": ["RANDOM"], "ORDER_DIRECTION": ["x"]}))
    assert found.task == "Kind"
    assert len(found.notes) == 2
    assert found.notes[0].startswith("Records that have a manual label too are not in it")
    assert found.notes[1].startswith("It holds the same records; the order")


@pytest.mark.parametrize(
    ("elements", "why"),
    [
        (
            [on_labels("SUBQUERY_RLA_INFORMATION_SOURCE", "INFORMATION_SOURCE", "s1")],
            "which heuristics voted",
        ),
        ([on_labels("SUBQUERY_RLA_DIFFERENT_IS_CLASSIFICATION", "t1")], "where heuristics differ"),
        ([on_labels("SUBQUERY_RLA_LABEL", "MANUAL", "gone")], "a label that was deleted"),
        ([on_labels("SUBQUERY_RLA_LABEL", "MANUAL", "l3")], "'Places', which marks spans"),
        ([on_field("CONTAINS", "gone", "a")], "a field 'gone'"),
        ([on_field("SOUNDS_LIKE", "body", "a")], "by 'SOUNDS_LIKE'"),
        ([{"SOMETHING": 1}], "not known here"),
        (["no json"], "not known here"),
        ([on_field("IN", "body", [])], "not known here"),
        ([on_field("GREATER", "nr", "1e999")], "not known here"),
        ([on_labels("SUBQUERY_RLA_LABEL", "WEAK_SUPERVISION")], "names none"),
        ([{"RELATION": "AND"}], "not known here"),
    ],
)
def test_a_filter_that_cannot_be_asked_here_says_why(elements, why):
    found = sliced(**filtering(*elements))
    assert (found.query, found.rows) == (None, None)
    assert why in found.lost


def test_a_filter_kept_only_as_it_was_set_is_read_from_its_controls():
    labels = [
        {"id": "l1", "active": True, "negate": False},
        {"id": "l2", "active": False, "negate": False},
        {"id": "NO_LABEL", "active": False},
    ]
    raw = {
        "RECORD_CATEGORY": {"CATEGORY": "SCALE"},
        "DRILL_DOWN": {"DRILL_DOWN": False},
        "ATTRIBUTES": {
            "groupElements": [
                {
                    "active": True,
                    "negate": True,
                    "name": "body",
                    "operator": "BEGINS WITH",
                    "searchValue": "An",
                },
                {"active": False, "negate": False, "name": "nr", "operator": "EQUAL", "searchValue": "1"},
            ]
        },
        "LABELING_TASKS_t1": {
            "groupElements": [
                {
                    "active": True,
                    "manualLabels": labels,
                    "weakSupervisionLabels": [labels[1], labels[2]],
                    "confidence": {"active": True, "negate": False, "lower": 0, "upper": 70},
                    "informationSources": [{"id": "s1", "active": False}],
                    "isWithDifferentResults": {"active": False},
                }
            ]
        },
        "ORDER_STATEMENTS": {"groupElements": [{"orderBy": [{"id": "RANDOM", "active": True}]}]},
    }
    found = sliced(filter_raw=raw)
    assert found.query == {
        "all": [
            {"not": {"field": {"name": "body", "begins": "An"}}},
            {"all": [{"label": ["Fruit"]}, MANUAL]},
            {"all": [{"label": ["Greens"]}, WEAK]},
            {"all": [WEAK, {"confidence": [0.0, 0.7]}]},
        ]
    }
    parse(found.query)
    raw["DRILL_DOWN"]["DRILL_DOWN"] = True
    assert "every one of several labels" in sliced(filter_raw=raw).lost
    raw["LABELING_TASKS_t1"]["groupElements"][0]["informationSources"][0]["active"] = True
    assert "which heuristics voted" in sliced(filter_raw=raw).lost
    assert sliced(filter_raw=None).lost == "its filter was not kept"


def test_a_list_of_records_keeps_them_in_their_order():
    inside = content()
    inside["data_slice_data"] = [
        a_slice(static=True, slice_type="STATIC_OUTLIER"),
        a_slice(id="d2", name="Empty", static=True),
    ]
    inside["data_slice_record_association_data"] = [
        {"data_slice_id": "d1", "record_id": "r3", "outlier_score": 0.1},
        {"data_slice_id": "d1", "record_id": "r2", "outlier_score": 0.9},
    ]
    mine, empty = read(inside).slices
    assert mine == Slice("Mine", rows=(2, 3))
    assert empty == Slice("Empty", lost="it is a list of records and holds none")


# ---- what is told -------------------------------------------------------------------------------


def test_a_look_up_that_finds_what_refinery_found_is_equal():
    (check,) = checked(read(content()))
    assert check.equal
    assert (check.name, check.stored, check.voted, check.found, check.same) == ("lkp_fruit", 3, 3, 3, 3)


def test_a_term_that_came_later_explains_what_is_found_now():
    inside = content()
    inside["terms_data"].append({"knowledge_base_id": "k1", "value": "LEEK", "blacklisted": False})
    (check,) = checked(read(inside))
    assert not check.equal
    assert (check.voted, check.found, check.same, check.later) == (3, 4, 3, ("LEEK",))
    assert "'LEEK' came into its list after its last run" in check.why


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda inside: inside["terms_data"].pop(0), "its list was changed after its last run"),
        (
            lambda inside: (
                inside["terms_data"].pop(0),
                inside["information_source_payloads_data"][1].update(source_code="old"),
            ),
            "its code was changed after its last run",
        ),
        (
            lambda inside: inside["information_source_statistics_data"][0].update(record_coverage=2),
            "its statistics are older than its votes",
        ),
    ],
)
def test_other_differences_say_why_too(change, why):
    inside = content()
    change(inside)
    assert checked(read(inside))[0].why == why


def test_the_report_counts_what_came_and_what_did_not():
    found = read(content())
    lines = [str(line) for line in report(found)]
    assert "Records: 4 came over." in lines
    assert "Label tasks: 1 came over (Kind)." in lines
    assert "Look-up lists: 1 came over (2 terms)." in lines
    assert (
        "Look-up heuristics: 1 came over (1 of them find the very records that refinery's votes are on)."
        in lines
    )
    why = "it marks spans in a text, which embtune does not"
    assert f"Heuristic 'places': 1 came over (as code, switched off: {why})." in lines
    assert "Manual labels: 2 came over." in lines
    assert "Weak labels: 2 came over (as an earlier run, 1 of them with a confidence above 0.7)." in lines
    assert "Slices: 1 came over." in lines
    assert "Manual spans: 1 did not (they go with their tasks)." in lines
    assert "Blocked terms: 1 did not (refinery's look-ups did not use them either)." in lines
    assert sum(line.left for line in report(found)) == sum(found.left_out.values()) == 11


# ---- hostile and damaged zips -------------------------------------------------------------------


def named(path, *, link=False):
    """A zip whose second member has such a path."""
    buffer = io.BytesIO(zipped(content()))
    with zipfile.ZipFile(buffer, "a") as archive:
        info = zipfile.ZipInfo(path)
        if link:
            info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, "{}")
    return buffer.getvalue()


def patched(archive, *, flags=None, method=None):
    """The same zip with other flags or another method in both of its headers."""
    changed = bytearray(archive)
    for at in (0, archive.index(b"PK\1\2")):
        offset = at + (6 if at == 0 else 8)
        if flags is not None:
            struct.pack_into("<H", changed, offset, flags)
        if method is not None:
            struct.pack_into("<H", changed, offset + 2, method)
    return bytes(changed)


def spoiled(archive):
    """The same zip with a byte of its content changed."""
    changed = bytearray(archive)
    changed[len(archive) // 2] ^= 0xFF
    return bytes(changed)


def twice(archive):
    buffer = io.BytesIO(archive)
    with zipfile.ZipFile(buffer, "a") as opened, pytest.warns(UserWarning, match="Duplicate"):
        opened.writestr("snapshot_data.json", "{}")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: named("../evil.json"), "'../evil.json' leads out of the zip"),
        (lambda: named("a/../../evil.json"), "leads out of the zip"),
        (lambda: named("..\\evil.json"), "leads out of the zip"),
        (lambda: named("__MACOSX/../../evil"), "leads out of the zip"),
        (lambda: named("/etc/evil.json"), "has an absolute path"),
        (lambda: named("C:\\evil.json"), "has an absolute path"),
        (lambda: named("snapshot.json", link=True), "is a link to another file"),
        (lambda: named("run.sh"), "the member 'run.sh' is no JSON"),
        (lambda: named("inner.zip"), "the member 'inner.zip' is no JSON"),
        (lambda: named("other.json"), r"holds 2 JSON files \('snapshot_data.json', 'other.json'\)"),
        (lambda: twice(zipped(content())), "holds 2 JSON files"),
        (lambda: zipped(b"x", name="__MACOSX/._x"), "holds no JSON file"),
        (lambda: zipped(b" " * (32 << 20)), "which no snapshot does. Do not use this zip"),
        (lambda: patched(zipped(content()), flags=1), "is protected by a password. Unpack it"),
        (lambda: patched(zipped(content()), method=99), "packed in a way that cannot be read here"),
        (lambda: zipped(content())[:-60], "is a damaged zip"),
        (lambda: zipped(content())[:500], "is a damaged zip"),
        (lambda: spoiled(zipped(content())), "is a damaged zip"),
        (lambda: b"PK", "is a damaged zip"),
        (lambda: b"", "neither a zip nor a JSON object"),
        (lambda: b"\x1f\x8b123", "neither a zip nor a JSON object"),
        (lambda: b"[1, 2]", "neither a zip nor a JSON object"),
        (lambda: zipped(b"MZ program"), "snapshot_data.json, line 1, column 1: not JSON; it begins"),
        (lambda: zipped(b'{"a": 1'), "the JSON ends in the middle"),
        (lambda: zipped(b"{'a': 1}"), "snapshot_data.json, line 1, column 2: not valid JSON"),
        (lambda: zipped(b'{"a": "\xff"}'), "byte 8 is no UTF-8"),
        (lambda: zipped(b'{"a":' + b"[" * 100_000), "nested too deeply"),
        (lambda: zipped(b'{"a": ' + b"9" * 5_000 + b"}"), "a value cannot be read"),
        (lambda: zipped([1]), "snapshot_data.json holds an array, not the object of a snapshot"),
        (lambda: zipped({"rows": []}), "is no refinery snapshot: it has none of its parts"),
    ],
)
def test_a_hostile_or_damaged_zip_is_refused_in_one_sentence(make, message):
    with pytest.raises(BadFileError, match=r"^bad\.zip") as error:
        read_snapshot(make(), name="bad.zip")
    assert error.match(message)
    assert "\n" not in str(error.value)


def test_reading_stops_at_the_limit_whatever_the_zip_says(tmp_path):
    inside = json.dumps(content())
    for given in (zipped(inside.encode()), inside.encode()):
        with pytest.raises(BadFileError, match="more than 1,000 bytes, the most that is read"):
            read_snapshot(given, name="big.json", most_bytes=1_000)


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path):
    with pytest.raises(BadFileError, match="There is no file"):
        read_snapshot(tmp_path / "gone.zip")
    with pytest.raises(BadFileError, match="is a folder"):
        read_snapshot(tmp_path)


# ---- damaged content ----------------------------------------------------------------------------


def put(part, number, **values):
    def change(inside):
        inside[part][number].update(values)

    return change


def take(part, number, name):
    def change(inside):
        del inside[part][number][name]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda inside: inside.pop("terms_data"), "no whole refinery snapshot: it lacks 'terms_data'"),
        (lambda inside: inside.update(terms_data={}), "terms_data is an object, not a list"),
        (lambda inside: inside.update(terms_data=None), "terms_data is null, not a list"),
        (lambda inside: inside.update(project_details_data=[]), "project_details_data is an array, not an"),
        (lambda inside: inside.update(records_data=[]), "holds no records"),
        (lambda inside: inside["records_data"].append(7), r"records_data\[4\] is a number, not an object"),
        (
            put("records_data", 1, id="r0"),
            r"records_data\[1\].id is the same as that of records_data\[0\]: 'r0'",
        ),
        (put("records_data", 1, data="text"), r"records_data\[1\].data is no object"),
        (take("records_data", 1, "id"), r"records_data\[1\].id is missing. Export the project"),
        (put("labeling_tasks_data", 1, id="t1"), r"labeling_tasks_data\[1\].id is the same"),
        (put("labeling_tasks_data", 1, attribute_id="f9"), r"names a field 'f9' that the snapshot does not"),
        (put("labeling_task_labels_data", 0, labeling_task_id="t9"), r"names a task 't9'"),
        (put("labeling_task_labels_data", 0, color=["red"]), r"\[0\].color is an array, not a text"),
        (put("labeling_task_labels_data", 0, name=" "), r"\[0\].name is ' ', not a text"),
        (put("attributes_data", 0, name="nr"), r"attributes_data\[1\].name is the same as another"),
        (put("information_sources_data", 0, labeling_task_id=None), r"is null, not the id of a task"),
        (put("information_sources_data", 0, source_code=5), r"source_code is 5, not a text"),
        (put("information_sources_data", 0, is_selected="yes"), r"is_selected is 'yes', not true or false"),
        (put("information_source_statistics_data", 0, source_id="s9"), r"names a heuristic 's9'"),
        (put("information_source_statistics_data", 0, record_coverage=-1), r"is -1, not a number from 0 up"),
        (put("terms_data", 0, knowledge_base_id="k9"), r"terms_data\[0\].* names a look-up list 'k9'"),
        (put("record_label_associations_data", 0, record_id="r9"), r"\[0\].record_id names a record 'r9'"),
        (put("record_label_associations_data", 0, labeling_task_label_id="l9"), r"names a label 'l9'"),
        (put("record_label_associations_data", 3, source_id="s9"), r"\[3\].source_id names a heuristic 's9'"),
        (put("record_label_associations_data", 3, source_id="s3"), r"a heuristic of another task"),
        (put("record_label_associations_data", 4, record_id="r3"), r"a record that has a label from there"),
        (put("record_label_associations_data", 3, source_type="ORACLE"), r"is 'ORACLE', not one of MANUAL"),
        (put("record_label_associations_data", 7, confidence=1.5), r"is 1.5, not a number from 0 to 1"),
        (put("record_label_associations_data", 0, created_at="noon"), r"is 'noon', not a time such as"),
        (put("data_slice_data", 0, static="no"), r"static is 'no', not true or false"),
        (
            lambda inside: inside["data_slice_record_association_data"].append({"data_slice_id": "d9"}),
            r"names a slice 'd9'",
        ),
    ],
)
def test_damaged_content_names_part_place_and_field(change, message):
    inside = content()
    change(inside)
    with pytest.raises(BadFileError, match=message) as error:
        read(inside)
    assert str(error.value).startswith("kitchen.zip, snapshot_data.json")


def refusal(inside):
    """The sentence that a file is refused with, "" if it is read."""
    try:
        read_snapshot(json.dumps(inside).encode(), name="wrong.json")
    except BadFileError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("part", [part for part, items in content().items() if isinstance(items, list)])
def test_no_wrong_value_anywhere_ends_in_anything_but_a_sentence(part):
    inside = content()
    for item in inside[part][:1]:
        for name, right in list(item.items()):
            for wrong in (None, "", 7, -1.5, True, [[]], {"a": [None]}, "x" * 300):
                item[name] = wrong
                said = refusal(inside)
                assert not said or (said.startswith("wrong.json") and len(said) < 400)
            del item[name]
            said = refusal(inside)
            assert not said or said.startswith("wrong.json")
            item[name] = right
    assert refusal(inside) == ""


# ---- the real thing -----------------------------------------------------------------------------


@pytest.mark.shared_data
def test_a_real_snapshot_gives_refinery_s_own_figures(shared_data):
    path = shared_data / "refinery_conversational_ai" / "snapshot_data.json.zip"
    if not path.is_file():
        pytest.skip(f"no snapshot at {path}")
    found = read_snapshot(path)
    assert len(found.table.rows) == 1_800
    assert [len(task.labels) for task in found.tasks] == [11, 1]
    assert len(found.lists) == 12
    kinds = [one.kind for one in found.heuristics]
    assert (kinds.count("lookup"), kinds.count("learner"), kinds.count("code")) == (11, 1, 1)
    (task,) = found.classifying
    assert len(found.manual[task.name]) == 250
    (run,) = found.weak_runs
    assert len(run.votes) == 1_619
    manual = dict(zip(found.manual[task.name].rows, found.manual[task.name].labels, strict=True))
    agree = [manual[row] == label for row, label, _ in listed(run.votes) if row in manual]
    assert (len(agree), sum(agree)) == (246, 244)
    assert found.slices[0].query == {}
    checks = checked(found)
    different = [check for check in checks if not check.equal]
    assert len(checks) == 11
    assert len(different) == 1  # of a list that got a term after the last run
    assert (len(different[0].later), different[0].stored, different[0].same) == (1, 70, 70)
    assert np.concatenate([one.votes.rows for one in found.heuristics if one.votes]).max() < 1_800
