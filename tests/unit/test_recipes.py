import inspect
import subprocess
import sys

import pytest

from embtune.errors import BadInputError, UnknownChoiceError
from embtune.tuning.recipes import RECIPES
from embtune.tuning.recipes.base import Parameter, library_versions

TRIPLET = RECIPES["quaterion-triplet"]


def test_the_registry_knows_every_recipe_by_its_own_name():
    assert {name: recipe.name for name, recipe in RECIPES.items()} == {name: name for name in RECIPES}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_every_recipe_says_what_it_is_and_its_defaults_are_allowed(recipe):
    assert recipe.title
    assert recipe.summary
    assert recipe.source
    for parameter in recipe.parameters:
        assert parameter.help
        assert parameter.parse(parameter.default) == parameter.default
    assert recipe.parse({}) == {parameter.name: parameter.default for parameter in recipe.parameters}


def test_the_button_s_recipe_comes_first_and_one_label_a_class_is_enough_for_it():
    from embtune.work.tuning import DEFAULT_RECIPE

    assert next(iter(RECIPES)) == DEFAULT_RECIPE == "auto"
    assert {name for name, recipe in RECIPES.items() if recipe.least_labels == 1} >= {"auto", "propagate"}
    assert TRIPLET.least_labels == 2


def test_every_recipe_takes_what_a_project_gives():
    wanted = {"parameters", "seed", "device", "corpus", "report"}
    for recipe in RECIPES.values():
        assert wanted <= set(inspect.signature(recipe.fit).parameters), recipe.name


def test_the_defaults_are_the_published_numbers_but_for_the_batch():
    chosen = TRIPLET.parse({})
    published = {"margin": 0.5, "distance": "cosine", "mining": "hard", "batch_size": 64, "lr": 1e-3}
    assert chosen.items() >= published.items()


def test_texts_from_a_command_line_become_typed_values():
    given = {"margin": "1", "batch_size": "64", "mining": "all", "restore_best": "no", "lr": "1e-2"}
    chosen = TRIPLET.parse(given)
    assert [chosen[key] for key in given] == [1.0, 64, "all", False, 0.01]
    assert [type(chosen[key]) for key in given] == [float, int, str, bool, float]


def test_parsing_twice_changes_nothing():
    chosen = TRIPLET.parse({"margin": "0.7", "use_weights": "on"})
    assert TRIPLET.parse(chosen) == chosen


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("margin", "wide", "Parameter 'margin' must be a number from 0 to 10, not 'wide'."),
        ("margin", "11", "Parameter 'margin' must be a number from 0 to 10, not '11'."),
        ("margin", "nan", "Parameter 'margin' must be a number from 0 to 10, not 'nan'."),
        ("margin", True, "Parameter 'margin' must be a number from 0 to 10, not True."),
        ("batch_size", "12.5", "Parameter 'batch_size' must be a whole number from 4 to 4096, not '12.5'."),
        ("mining", "soft", "Parameter 'mining' must be one of hard, semi_hard, all, not 'soft'."),
        ("restore_best", "maybe", "Parameter 'restore_best' must be true or false, not 'maybe'."),
    ],
)
def test_a_bad_value_is_refused_with_key_value_and_range(key, value, message):
    with pytest.raises(BadInputError) as caught:
        TRIPLET.parse({key: value})
    assert str(caught.value) == message


def test_an_unknown_parameter_is_refused_with_the_known_ones():
    with pytest.raises(UnknownChoiceError, match=r"Unknown parameter of quaterion-triplet 'margn'.*margin"):
        TRIPLET.parse({"margn": "1"})


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        (Parameter("n", 1, "h", low=1), "a whole number, at least 1"),
        (Parameter("n", 1.0, "h", high=2), "a number, at most 2"),
        (Parameter("n", 1.0, "h"), "a number"),
        (Parameter("n", "x", "h"), "a text"),
    ],
)
def test_a_range_reads_as_a_person_would_say_it(parameter, text):
    assert parameter.range_text() == text


def test_a_distribution_that_is_absent_is_said_to_be():
    assert library_versions(["no-such-distribution-of-ours"]) == {
        "no-such-distribution-of-ours": "not installed"
    }


def test_looking_at_the_recipes_imports_nothing_heavy():
    code = (
        "import sys, embtune.tuning.recipes, embtune.tuning.export as _\n"
        "heavy = {'torch', 'quaterion', 'pytorch_lightning', 'sentence_transformers'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
