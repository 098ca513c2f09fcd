"""What can go wrong, each told in one sentence: what, where, what to do."""

from __future__ import annotations

from collections.abc import Iterable


class EmbtuneError(Exception):
    """Base of every error a user can cause or mend; its text is shown as it is."""


class BadFileError(EmbtuneError):
    """A file that was given cannot be read as what it claims to be."""


class BadInputError(EmbtuneError):
    """A value that was given is not usable; the message names it and says what would be."""


class TemplateError(BadInputError):
    """A text template names a field that is not there, or cannot be parsed."""


class UnknownChoiceError(EmbtuneError):
    """A name is not in the registry it was looked up in."""

    def __init__(self, kind: str, name: str, choices: Iterable[str]) -> None:
        listed = ", ".join(sorted(choices)) or "none yet"
        super().__init__(f"Unknown {kind} {name!r}. Choose one of: {listed}.")


class NotFoundError(EmbtuneError):
    """Something named by the user does not exist (project, record, embedding, session, job)."""


class ConflictError(EmbtuneError):
    """A step cannot be taken or taken back, because of what was done since; the message says what."""


class NotReadyError(EmbtuneError):
    """A step needs another one first; the message says which."""


class TooFewLabelsError(NotReadyError):
    """Training or scoring needs more labels; the message says what is missing and how many there are."""


class ModelError(EmbtuneError):
    """An embedding model cannot be found or loaded."""


class VectorsError(BadInputError):
    """A matrix of vectors has the wrong shape, type or values."""


class HeuristicError(EmbtuneError):
    """A heuristic cannot run: its code failed, its service refused, what it needs is gone."""


class StorageError(EmbtuneError):
    """The home folder, the disk or the database cannot take what should be written."""


class IncompatibleLibraryError(EmbtuneError):
    """An installed library has a version that embtune was not made for."""


class JobCancelledError(EmbtuneError):
    """Raised inside a job at its next report after somebody asked it to stop."""
