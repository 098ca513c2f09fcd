"""refinery's project snapshots: what one holds, in embtune's words; nothing in it is run or written."""

from embtune.records.refinery.checking import Check, checked
from embtune.records.refinery.model import (
    CODE,
    LEARNER,
    LOOKUP,
    Attribute,
    Comment,
    Heuristic,
    Label,
    Learner,
    Lookup,
    LookupList,
    ManualLabels,
    Slice,
    Snapshot,
    Statistics,
    Task,
    Votes,
    WeakRun,
)
from embtune.records.refinery.reading import read_snapshot
from embtune.records.refinery.telling import Line, report

__all__ = [
    "CODE",
    "LEARNER",
    "LOOKUP",
    "Attribute",
    "Check",
    "Comment",
    "Heuristic",
    "Label",
    "Learner",
    "Line",
    "Lookup",
    "LookupList",
    "ManualLabels",
    "Slice",
    "Snapshot",
    "Statistics",
    "Task",
    "Votes",
    "WeakRun",
    "checked",
    "read_snapshot",
    "report",
]
