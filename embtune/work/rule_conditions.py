"""Conditions of queries on heuristics, weak supervision and actions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from embtune.errors import NotReadyError
from embtune.filtering.masks import Mask
from embtune.filtering.query import refuse
from embtune.labeling.state import UNLABELLED

if TYPE_CHECKING:
    from embtune.project import Project


class RuleConditions(ABC):
    """The part of `Conditions` that asks what heuristics and actions did."""

    _project: Project

    @abstractmethod
    def _label_ids(self, names: Sequence[str | None], path: str) -> list[int]:
        """Numbers of labels by name; None is no label."""

    @abstractmethod
    def _of(self, rows: Any) -> Mask:
        """Return the mask of some rows."""

    def _heuristic(self, value: Mapping[str, Any], path: str) -> Mask:
        from embtune.work.heuristic_runs import votes_of

        book = self._project.heuristics
        known = book.all()
        found = next((one for one in known if one.name == value["name"]), None)
        if found is None:
            names = ", ".join(one.name for one in known) or "none yet"
            raise refuse(path, f"there is no heuristic {value['name']!r}; there are: {names}.")
        if found.run is None:
            raise NotReadyError(f"The heuristic {found.name!r} has no votes yet: run it first.")
        labels, _ = votes_of(self._project, found)
        if value["label"] is None:
            mask: Mask = np.not_equal(labels, UNLABELLED)
        else:
            mask = np.isin(labels, self._label_ids(value["label"], path))
        if value["what"] != "hits":
            mask &= self._of(book.rows(found.id, value["what"]))
        return mask

    def _weak(self, value: Mapping[str, Any], path: str) -> Mask:
        found = self._project.weak.labels()
        if found is None:
            raise NotReadyError("There is no weak supervision in force: run it first.")
        labels, confidence = found
        low, high = (np.float32(one) for one in value["confidence"])
        inside: Mask = np.logical_and(confidence >= low, confidence <= high)
        if value["label"] is None:
            inside &= np.not_equal(labels, UNLABELLED)
            return inside
        inside &= np.isin(labels, self._label_ids(value["label"], path))
        return inside

    def _action(self, number: int, path: str) -> Mask:
        rows = self._project.rows_of_action(number)
        if not len(rows):
            raise refuse(path, f"there is no action {number} with records.")
        return self._of(rows)
