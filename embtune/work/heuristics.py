"""The heuristics of a label task: write them, try them, run them, and see what they are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from embtune.errors import BadInputError, HeuristicError, UnknownChoiceError
from embtune.heuristics.base import Config, Kind
from embtune.progress import Report, silent
from embtune.store import heuristics as store
from embtune.store.heuristics import HeuristicRow, HeuristicVersion
from embtune.store.labelset import label_targets
from embtune.store.lookup_lists import insert_lookup, list_lookups
from embtune.work import heuristic_drafts, heuristic_origin, heuristic_queue, heuristic_runs
from embtune.work import heuristic_numbers as numbers
from embtune.work.heuristic_corpus import ProjectCorpus
from embtune.work.heuristic_kinds import LLM, kind_for, kinds_for
from embtune.work.heuristic_numbers import Line, VoteMatrix
from embtune.work.heuristic_runs import Trial
from embtune.work.heuristic_states import Heuristic, checked, with_states, with_targets
from embtune.work.heuristic_values import clean_description, clean_name, free_name, numbered, says
from embtune.work.heuristic_writing import config_of_values, insert_many

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embtune.heuristics.suggesting import Suggestion
    from embtune.project import Project, Records


class HeuristicBook:
    """The heuristics of one label task of a project."""

    def __init__(self, project: Project) -> None:
        self._project = project

    # ---- what there is ----------------------------------------------------------------------

    def all(self) -> list[Heuristic]:
        """The heuristics, oldest first."""
        return self._standing(self._rows())

    def deleted(self) -> list[Heuristic]:
        """Those that were thrown away."""
        project = self._project
        return self._standing(store.list_heuristics(project.db, project.id, project.task.id, deleted=True))

    def get(self, which: int | str) -> Heuristic:
        """Return a heuristic by number or name.

        Raises
        ------
        UnknownChoiceError
            If there is none.
        """
        return self._standing([self._row(which)])[0]

    def kinds(self) -> dict[str, Kind]:
        """Every kind of heuristic, by name."""
        return kinds_for(self._project)

    def _rows(self) -> list[HeuristicRow]:
        project = self._project
        return store.list_heuristics(project.db, project.id, project.task.id)

    def _row(self, which: int | str) -> HeuristicRow:
        known = self._rows()
        for row in known:
            if which in (row.id, row.name):
                return row
        raise UnknownChoiceError("heuristic", str(which), [row.name for row in known])

    def _standing(self, rows: Sequence[HeuristicRow]) -> list[Heuristic]:
        lists = {one.id: one.terms for one in list_lookups(self._project.db, self._project.id)}
        return with_states(self._project, rows, lists)

    # ---- writing ----------------------------------------------------------------------------

    def add(self, kind: str, name: str | None = None, *, description: str = "", **values: Any) -> Heuristic:
        """Make a heuristic, a draft until it runs.

        Parameters
        ----------
        kind
            One of `kinds`.
        name
            By default what it does.
        values
            Its configuration. Labels and look-up lists may be given by name.

        Raises
        ------
        UnknownChoiceError
            If there is no such kind, label or list.
        BadInputError
            Naming the value that cannot be used, or if the name is taken.
        """
        (made,) = self.add_many([{**values, "kind": kind, "name": name, "description": description}])
        return made

    def add_many(self, given: Sequence[Mapping[str, Any]]) -> list[Heuristic]:
        """Make several, each with `kind` and the rest that `add` takes: all of them, or none."""
        return [self.get(number) for number in insert_many(self._project, given)]

    def says(self, kind: str, config: Config) -> str:
        """Say in a few words what a kind does by a configuration."""
        return says(self._project, kind_for(self._project, kind), config)

    def checked(self, kind: str, **values: Any) -> Config:
        """Return a configuration out of plain values, labels and lists by name or number."""
        return config_of_values(self._project, kind, values)

    def change(
        self,
        which: int | str,
        *,
        name: str | None = None,
        description: str | None = None,
        **values: Any,
    ) -> Heuristic:
        """Change what is given; another configuration is a new version, and makes its votes outdated."""
        row = self._row(which)
        changes: dict[str, Any] = {}
        if values:
            kind = kind_for(self._project, row.kind)
            config = checked(self._project, kind, row.config | numbered(self._project, values))
            changes["config"] = config.model_dump(mode="json")
        if name is not None:
            changes["name"] = clean_name(name)
        if description is not None:
            changes["description"] = clean_description(description)
        return self._change(row.id, **changes)

    def _change(self, number: int, **changes: Any) -> Heuristic:
        project = self._project
        store.change_heuristic(project.db, project.id, number, changed_by=project.annotator, **changes)
        return self.get(number)

    def _free_name(self, wanted: str) -> str:
        return free_name(wanted, [row.name for row in self._rows()])

    def duplicate(self, which: int | str) -> Heuristic:
        """Make a copy, a draft, to change."""
        row = self._row(which)
        name = self._free_name(f"{row.name} copy")
        return self.add(row.kind, name, description=row.description, **row.config)

    def select(self, chosen: Mapping[int | str, bool]) -> None:
        """Say of some heuristics whether weak supervision hears them."""
        rows = {self._row(which).id: on for which, on in chosen.items()}
        store.select_heuristics(self._project.db, self._project.id, rows)

    def delete(self, which: int | str) -> None:
        """Throw a heuristic away; `undelete` brings it back with its versions and votes."""
        project = self._project
        number = self._row(which).id
        store.change_heuristic(project.db, project.id, number, changed_by=project.annotator, deleted=True)

    def undelete(self, number: int) -> Heuristic:
        """Bring back a heuristic that was thrown away."""
        return self._change(number, deleted=False)

    def versions(self, which: int | str) -> list[HeuristicVersion]:
        """The configurations it had, newest first."""
        return store.list_versions(self._project.db, self._row(which).id)

    def restore(self, which: int | str, version: int) -> Heuristic:
        """Take an earlier configuration again, as a new version.

        Raises
        ------
        UnknownChoiceError
            If there was no such version.
        """
        row = self._row(which)
        known = {one.version: one.config for one in self.versions(row.id)}
        if version not in known:
            raise UnknownChoiceError("version", str(version), map(str, known))
        return self._change(row.id, config=known[version])

    def drafts(self) -> dict[str, dict[str, Any]]:
        """What this annotator writes and has not saved; see `embtune.work.heuristic_drafts`."""
        return heuristic_drafts.kept_drafts(self._project)

    def keep_drafts(
        self,
        changes: Mapping[str, Mapping[str, Any] | None],
        *,
        before: Mapping[str, Mapping[str, Any] | None] | None = None,
    ) -> dict[str, str]:
        """Keep some of it, and let go of what is None; see `embtune.work.heuristic_drafts`."""
        return heuristic_drafts.keep_drafts(self._project, changes, before=before)

    # ---- running ----------------------------------------------------------------------------

    def try_out(
        self,
        which: int | str | None = None,
        *,
        kind: str | None = None,
        config: Mapping[str, Any] | None = None,
        records: Records | None = None,
        n: int = 10,
        seed: int = 0,
        report: Report = silent,
    ) -> Trial:
        """Run a heuristic on a few records, chosen or at random, and keep nothing.

        It is one of the book, one of the book with another `config`, or a `kind` with a `config`.
        """
        project = self._project
        row = None if which is None else self._row(which)
        name = row.kind if row is not None else kind
        if name is None:
            raise BadInputError("Say which heuristic to try: its name, or a kind with a configuration.")
        values = (row.config if row is not None else {}) | numbered(self._project, config or {})
        used = kind_for(project, name)
        return heuristic_runs.try_out(
            project,
            used,
            checked(project, used, values),
            rows=None if records is None else project.rows_of(records),
            n=n,
            seed=seed,
            report=report,
        )

    def run(
        self,
        which: Sequence[int | str] | int | str | None = None,
        *,
        runs: Mapping[int | str, int] | None = None,
        report: Report = silent,
    ) -> dict[str, Any]:
        """Run heuristics over all records, by default those whose votes are not those of now.

        Language models, and code where it is not allowed, run only when they are named.

        Returns
        -------
        dict
            `done`, `failed` (one that fails leaves the others alone), `seconds`.
        """
        waiting = {int(key): value for key, value in (runs or {}).items()}
        if waiting:  # a job's: what was deleted since it was queued is left out
            rows = heuristic_runs.still_there(self._project, self._rows(), waiting)
        else:
            rows = self._chosen(which)
        return heuristic_runs.run(self._project, rows, runs=waiting, report=report)

    def start(self, which: Sequence[int | str] | int | str | None = None) -> int:
        """The same as a job; return its number."""
        return heuristic_queue.start(self._project, lambda: self._chosen(which))

    def _chosen(self, which: Sequence[int | str] | int | str | None) -> list[HeuristicRow]:
        if which is None:
            stale = {one.id for one in self.all() if not one.current and one.state not in _UNDER_WAY}
            return [row for row in self._rows() if row.id in stale and self._allowed(row)]
        return [self._row(one) for one in ([which] if isinstance(which, (int, str)) else which)]

    def _allowed(self, row: HeuristicRow) -> bool:
        if row.kind == LLM:
            return False  # it costs money, and texts leave the machine: only when it is named
        try:
            heuristic_runs.refuse_forbidden(self._project, kind_for(self._project, row.kind))
        except HeuristicError:
            return False
        return True

    def estimate(self, kind: str, config: Mapping[str, Any]) -> dict[str, Any] | None:
        """What a run over all records would ask and cost, for kinds that ask a service; None for others.

        Raises
        ------
        HeuristicError
            If no address is set.
        """
        project = self._project
        used: Any = kind_for(project, kind)
        if not hasattr(used, "estimate"):
            return None
        corpus = ProjectCorpus(project)
        rows = np.arange(corpus.n, dtype=np.int64)
        found: dict[str, Any] = used.estimate(self.checked(kind, **config), corpus, rows)
        return found

    # ---- what they are worth ----------------------------------------------------------------

    def votes(self, which: Sequence[int | str] | None = None) -> VoteMatrix:
        """The newest votes of those heuristics that have any, or of some."""
        chosen = self.all() if which is None else [self.get(one) for one in which]
        return numbers.votes(self._project, chosen)

    def lines(self) -> list[Line]:
        """Every heuristic with its numbers; see `embtune.work.heuristic_numbers.lines`."""
        return numbers.lines(self._project, self.all())

    def rows(self, which: int | str, what: str = "hits", label: str | None = None) -> NDArray[np.int64]:
        """Rows of the records behind one of its numbers; see `embtune.work.heuristic_numbers.rows`."""
        return numbers.rows(self._project, self.all(), self._row(which).id, what, label)

    # ---- suggestions ------------------------------------------------------------------------

    def suggest(self, label: str | None = None, **options: Any) -> list[Suggestion]:
        """Heuristics that the manual labels speak for; see `embtune.work.suggesting.suggest`."""
        from embtune.work.suggesting import suggest

        return suggest(self._project, label, **options)

    def accept(self, suggestion: Suggestion, *, name: str | None = None) -> Heuristic:
        """Make a draft of a suggestion, its description says how often that was right."""
        said = heuristic_origin.described(suggestion)
        return self.add(suggestion.kind, name, description=said, **suggestion.config)

    def accept_good(self, label: str | None = None) -> list[Heuristic]:
        """Make drafts of the suggestions that a fixed rule takes; see `embtune.work.suggesting`."""
        from embtune.work.suggesting import accept_good

        return accept_good(self._project, label)

    def with_list(self, which: int | str, name: str | None = None) -> Heuristic:
        """Move a look-up heuristic's own terms into a look-up list, which others may share then."""
        project = self._project
        row = self._row(which)
        terms = row.config.get("terms") or ()
        if row.kind != "lookup" or not terms:
            raise BadInputError("Only a look-up heuristic with terms of its own can give them to a list.")
        with project.db.write() as connection:
            number = insert_lookup(connection, project.id, clean_name(name or row.name), list(terms))
        return self.change(row.id, terms=[], lists=[*row.config.get("lists", ()), number])

    def config_of(self, which: int | str) -> Config:
        """Return its configuration, checked, with labels that were merged followed."""
        row = self._row(which)
        targets = label_targets(self._project.db, self._project.id)
        kind = kind_for(self._project, row.kind)
        return with_targets(checked(self._project, kind, row.config), targets)


_UNDER_WAY = (store.QUEUED, store.RUNNING)
