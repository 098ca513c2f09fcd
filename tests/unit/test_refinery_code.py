"""Code of refinery's heuristics: what is understood, and what stays code and says why."""

import pytest

from embtune.records.refinery import Learner, Lookup, LookupList
from embtune.records.refinery.learners import NotALearnerError, as_learner
from embtune.records.refinery.lookup_rules import NotALookupError
from embtune.records.refinery.lookups import as_lookup, variable_of

LEARNER = """from sklearn.linear_model import LogisticRegression
# a comment

class ATLClassifier(LearningClassifier):

    def __init__(self):
        self.model = LogisticRegression()

    @params_fit(
        embedding_name = "body-classification-mini",
        train_test_split = 0.5
    )
    def fit(self, embeddings, labels):
        self.model.fit(embeddings, labels)

    @params_inference(min_confidence = 0.6, label_names = None)
    def predict_proba(self, embeddings):
        return self.model.predict_proba(embeddings)
"""

LISTS = (
    LookupList("ripe", "", ("plum", "pear")),
    LookupList("Ripe", "", ("fig",)),
    LookupList("401 k", "", ("Pension",)),
)
FIELDS = {"body": "TEXT", "title": "TEXT", "shelf": "CATEGORY"}


def understood(code):
    return as_lookup(code, lists=LISTS, labels=("Fruit", "Greens"), fields=FIELDS)


def function(*lines, before=""):
    return before + "def lf(record):\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (function('if "Plum".lower() in record["body"].text.lower(): return "Fruit"'), {"terms": ("Plum",)}),
        (function('if "plum" in record["body"].text.lower(): return "Fruit"'), {"terms": ("plum",)}),
        (function('if "Plum" in record["body"].text: return "Fruit"'), {"terms": ("Plum",), "case": True}),
        (
            function('if "plum".lower() in record["body"].text: return "Fruit"'),
            {"terms": ("plum",), "case": True},
        ),
        (
            function('if "plum" in record["shelf"].lower(): return "Fruit"'),
            {"terms": ("plum",), "fields": ("shelf",)},
        ),
        (
            function(
                '"""Doc."""',
                'text = record["body"].text.lower()',
                'for term in ("plum", "fig"):',
                '    if term in text: return "Fruit"',
                "return None",
            ),
            {"terms": ("plum", "fig")},
        ),
        (
            function(
                'if "plum" in record["body"].text.lower() or "plum" in record["title"].text.lower():',
                '    return "Fruit"',
            ),
            {"terms": ("plum",), "fields": ("body", "title")},
        ),
        (
            function(
                'if any(t in record["body"].text.lower() for t in WORDS):',
                "    return LABEL",
                before='import re\nWORDS = ["plum", "fig"]\nLABEL = "Fruit"\n',
            ),
            {"terms": ("plum", "fig")},
        ),
        (
            function(
                "for term in ripe:",
                '    if term.lower() in record["body"].text.lower():',
                '        return "Fruit"',
                before="from knowledge import ripe\n",
            ),
            {"lists": ("ripe", "Ripe")},  # one variable in refinery's code, so both lists
        ),
        (
            function(
                "for term in knowledge._401_k:",
                '    if term in record["body"].text:',
                '        return "Fruit"',
                before="import knowledge\n",
            ),
            {"lists": ("401 k",), "case": True},
        ),
        (
            function(
                "for token in record['body']:",
                "    if token.text.lower() in kept:",
                '        return "Fruit"',
                before="from knowledge import ripe as kept\n",
            ),
            {"lists": ("ripe", "Ripe"), "match": "word", "note": "Its words were spaCy's tokens."},
        ),
        (
            function(
                'if "plum pie" in [token.lower_ for token in record["body"]]: return "Fruit"',
                'elif "fig" in [token.text.lower() for token in record["body"]]: return "Fruit"',
                "else: return None",
            ),
            {
                "terms": ("plum pie", "fig"),
                "match": "word",
                "note": "Its words were spaCy's tokens, so that it never found a term of several words.",
            },
        ),
        (
            function('if "plum" in record["body"].text.lower().split(): return "Fruit"'),
            {
                "terms": ("plum",),
                "match": "word",
                "note": "Its words were what stands between spaces, with the punctuation beside them.",
            },
        ),
    ],
)
def test_a_function_that_only_looks_terms_up_is_a_look_up(code, expected):
    assert understood(code) == Lookup(**({"label": "Fruit", "fields": ("body",)} | expected))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def lf(record:", "no Python"),
        ("(" * 5000, "no Python"),
        ("x = 1", "line 1 does more"),
        ("LABEL = 'Fruit'", "0 functions"),
        (function('return "Fruit"'), "line 2 does more"),
        (function('if len(record["body"].text) > 3: return "Fruit"'), "line 2 does more"),
        (function('if "a" in record["body"].text and "b" in record["body"].text: return "Fruit"'), "line 2"),
        (function('if "a" not in record["body"].text: return "Fruit"'), "line 2"),
        (function('if "a" in record["gone"].text: return "Fruit"'), "a field 'gone' that the records do not"),
        (function('if "a" in record["body"].text: return "Meat"'), "'Meat', which is no label of its task"),
        (function('if "a" in record["body"].text: return name(record)'), "line 2 does more"),
        (function('if "a" in record["body"].text: return 7'), "line 2 does more"),
        (
            function(
                'if "a" in record["body"].text: return "Fruit"',
                'if "b" in record["body"].text: return "Greens"',
            ),
            "votes for 2 labels",
        ),
        (
            function(
                'if "a" in record["body"].text: return "Fruit"',
                'if "b" in record["body"].text.lower(): return "Fruit"',
            ),
            "another way",
        ),
        (
            function(
                'if "a" in record["body"].text: return "Fruit"',
                'if "b" in record["title"].text: return "Fruit"',
            ),
            "other fields",
        ),
        (function('if "Plum" in record["body"].text.lower(): return "Fruit"'), "only the text in lower case"),
        (
            function('if "Plum".lower() in record["body"].text: return "Fruit"'),
            "only its terms in lower case",
        ),
        (  # the first term decides for all
            function(
                'for term in ("a", "b"):',
                '    if term in record["body"].text: return "Fruit"',
                "    else: return None",
            ),
            "line 4",
        ),
        (
            function(
                'for term in ("a", "b"):', "    return None", 'if "c" in record["body"].text: return "Fruit"'
            ),
            "line 3",
        ),
        (
            function('if "a" in record["body"].text: return "Fruit"', before="from knowledge import sweet\n"),
            "'sweet'",
        ),
        (function("pass", before="import os\nos.remove('x')\n"), "line 2 does more"),
        (function('yield "Fruit", 0, 1'), "line 2 does more"),
        (function("return None") + function("return None"), "2 functions"),
        ("def lf(record, more):\n    return None\n", "more than a record"),
        ("@cached\ndef lf(record):\n    return None\n", "more than a record"),
    ],
)
def test_a_function_that_does_more_stays_code_and_says_why(code, reason):
    with pytest.raises(NotALookupError, match=reason):
        understood(code)


def test_a_look_up_list_is_imported_under_refinery_s_name_for_it():
    names = ["Bill due", "401k", "What's new?", "a-b"]
    assert [variable_of(name) for name in names] == ["bill_due", "_401k", "whats_new", "ab"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("label_names = None", 'label_names = ["Fruit"]', {"labels": ("Fruit",)}),
        ("min_confidence = 0.6, ", "", {"min_confidence": 0.8}),
        (
            "LogisticRegression()",
            "ensemble.RandomForestClassifier(n_estimators=9)",
            {"classifier": "random forest", "written": "ensemble.RandomForestClassifier(n_estimators=9)"},
        ),
    ],
)
def test_an_active_learner_is_understood(old, new, expected):
    plain = {"classifier": "logistic regression", "embedding": "body-classification-mini"}
    plain |= {"min_confidence": 0.6, "labels": None, "written": "LogisticRegression()"}
    assert as_learner(LEARNER.replace(old, new), labels=("Fruit",)) == Learner(**(plain | expected))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("LogisticRegression()", "DeepNet()", r"its classifier, DeepNet\(\), has no like here"),
        ("self.model.fit(embeddings, labels)", "self.model.fit(embeddings[:9], labels)", "its fit does more"),
        ("return self.model", "return 1 - self.model", "its predict_proba does more"),
        ("0.6", "1.6", "no number from 0 to 1"),
        ("0.6", "best()", "not written out"),
        ("label_names = None", 'label_names = ["Meat"]', "labels that its task does not have"),
        ("@params_fit", "@other", "its fit has no params_fit"),
        ("class ", "print(1)\nclass ", "more than one class"),
        ("def __init__", "def setup", "other methods"),
        ("class", "klass", "no Python"),
    ],
)
def test_a_learner_that_does_more_stays_code_and_says_why(old, new, reason):
    with pytest.raises(NotALearnerError, match=reason):
        as_learner(LEARNER.replace(old, new), labels=("Fruit",))
