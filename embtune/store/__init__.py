"""The tables, their migrations and the only SQL."""

from embtune.store import tables_heuristics as _tables_heuristics  # noqa: F401 -- its tables join the others
