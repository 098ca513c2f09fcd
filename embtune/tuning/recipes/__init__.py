"""Ways to tune an embedding, by name; a new one is one file and one line here."""

from __future__ import annotations

from embtune.tuning.recipes import auto, propagate, quaterion, quaterion_triplet
from embtune.tuning.recipes.base import Parameter, Recipe, Tuned

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (auto.RECIPE, propagate.RECIPE, quaterion_triplet.RECIPE, quaterion.RECIPE)
}

__all__ = ["RECIPES", "Parameter", "Recipe", "Tuned"]
