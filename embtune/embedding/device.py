"""Which processor to compute on, and whether it has bfloat16 natively."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embtune.errors import BadInputError, UnknownChoiceError

# Linux's names of the instructions that multiply bfloat16: Intel AMX, AVX-512 (Intel and AMD), Arm.
_BFLOAT16_FLAGS = frozenset({"amx_bf16", "avx512_bf16", "bf16"})
_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Device:
    """A processor to compute on."""

    kind: str
    """`cuda`, `mps` or `cpu`: what torch calls it."""

    name: str
    """For people, e.g. "Apple GPU"."""

    bfloat16: bool
    """Whether bfloat16 is natively fast here."""


def pick_device(wanted: str = "auto") -> Device:
    """Find the processor to compute on.

    Parameters
    ----------
    wanted
        `auto` takes CUDA, else Apple's MPS, else the CPU; `cuda`, `mps` and `cpu` insist.

    Raises
    ------
    BadInputError
        If the processor insisted on is not there.
    UnknownChoiceError
        If `wanted` is none of the four.
    """
    finders = {"cuda": _cuda, "mps": _mps, "cpu": _cpu}
    if wanted == "auto":
        return _cuda() or _mps() or _cpu()
    if wanted not in finders:
        raise UnknownChoiceError("device", wanted, ["auto", *finders])
    found = finders[wanted]()
    if found is None:
        what = {"cuda": "NVIDIA GPU that this torch can use", "mps": "Apple GPU"}[wanted]
        raise BadInputError(
            f"The device {wanted!r} was asked for, but there is no {what} here: choose 'auto' or 'cpu'."
        )
    return found


def has_fast_bfloat16(flags: Collection[str]) -> bool:
    """Tell from a CPU's feature flags, named as in /proc/cpuinfo, whether it multiplies bfloat16 natively."""
    return not _BFLOAT16_FLAGS.isdisjoint(flags)


def cpu_flags() -> frozenset[str]:
    """Return this CPU's feature flags, from /proc/cpuinfo or, where there is none, from torch."""
    try:
        return parse_cpuinfo(_CPUINFO.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        pass
    import torch

    ask = getattr(torch.cpu, "get_capabilities", None)
    capabilities: dict[str, Any] = ask() if ask else {}
    return frozenset(name for name, there in capabilities.items() if there is True)


def parse_cpuinfo(text: str) -> frozenset[str]:
    """Return the first processor's flags from the text of /proc/cpuinfo (x86: `flags`, Arm: `Features`)."""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in {"flags", "Features"}:
            return frozenset(value.split())
    return frozenset()


def n_cores() -> int:
    """Return how many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cuda() -> Device | None:
    import torch

    with warnings.catch_warnings():  # an old driver is told as a warning; the answer is all that is needed
        warnings.simplefilter("ignore")
        if not torch.cuda.is_available():
            return None
    properties = torch.cuda.get_device_properties(0)
    return Device(
        kind="cuda",
        name=f"{properties.name} · {properties.total_memory / 2**30:.0f} GiB",
        bfloat16=torch.cuda.get_device_capability(0) >= (8, 0),
    )


def _mps() -> Device | None:
    import torch

    return Device("mps", "Apple GPU", bfloat16=False) if torch.backends.mps.is_available() else None


def _cpu() -> Device:
    cores = n_cores()
    name = f"this computer's processor ({cores} core{'s' if cores > 1 else ''})"
    return Device("cpu", name, bfloat16=has_fast_bfloat16(cpu_flags()))
