"""Make Quaterion's last release run on today's torch and Lightning: import this before `import quaterion`.

Quaterion 0.1.35 and quaterion-models 0.1.19 (2023) are the last releases. Two things in them meet names that
newer libraries dropped; each is mended by one function below, once, when this module is imported. Other
versions of the two are refused, for nobody has checked what they would need.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from types import ModuleType
from typing import Any, TypeVar

from embtune.errors import IncompatibleLibraryError

EXPECTED_VERSIONS = {"quaterion": "0.1.35", "quaterion-models": "0.1.19"}

_INSTALL = (
    "run `make install`, or `pip install --no-deps --ignore-requires-python -r requirements-quaterion.txt`"
)


def check_versions(version_of: Callable[[str], str] = metadata.version) -> None:
    """Refuse any Quaterion but the releases that the mends below were written for.

    Parameters
    ----------
    version_of
        Returns the installed version of a distribution, or raises `PackageNotFoundError`.

    Raises
    ------
    IncompatibleLibraryError
        If one of the two is absent or has another version; the message says how to install the right one.
    """
    for name, expected in EXPECTED_VERSIONS.items():
        try:
            found = version_of(name)
        except metadata.PackageNotFoundError:
            raise IncompatibleLibraryError(f"{name} {expected} is not installed: {_INSTALL}.") from None
        if found != expected:
            raise IncompatibleLibraryError(
                f"embtune works with {name} {expected}, but {found} is installed: {_INSTALL}."
            )


def mend_type_variables(*modules: ModuleType) -> None:
    """Give back `T_co` to the torch modules from which Quaterion imports it.

    Without modules, to `torch.utils.data.dataloader` and `torch.utils.data.dataset`, where torch renamed it
    to `_T_co`. A module that has one keeps it.
    """
    if not modules:
        from torch.utils.data import dataloader, dataset

        modules = (dataloader, dataset)
    for module in modules:
        if not hasattr(module, "T_co"):
            module.__dict__["T_co"] = getattr(module, "_T_co", None) or TypeVar("T_co", covariant=True)


def mend_cleanup_callback() -> None:
    """Keep of `CleanupCallback.teardown` what it must still do after a fit: unwrap the cached encoders.

    The original goes on to rebuild the Trainer's data loaders through methods that Lightning 2 no longer has.
    """
    from pytorch_lightning.trainer.states import TrainerFn
    from quaterion.train.callbacks import CleanupCallback

    def teardown(self: Any, trainer: Any, pl_module: Any, stage: str | None = None) -> None:
        if stage == TrainerFn.FITTING:  # filling the cache is a stage of its own, with another module
            pl_module.unwrap_cache()

    CleanupCallback.teardown = teardown


check_versions()
mend_type_variables()
mend_cleanup_callback()
