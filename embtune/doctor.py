"""What this machine has, and what is wrong with it."""

from __future__ import annotations

import shutil
import sys
from importlib import metadata
from typing import Any

from embtune.errors import EmbtuneError
from embtune.settings import get_settings

_PACKAGES = (
    "torch", "sentence-transformers", "transformers", "quaterion", "quaterion-models", "pytorch-lightning",
    "streamlit", "plotly", "umap-learn", "scikit-learn", "pandas", "numpy", "SQLAlchemy",
)  # fmt: skip
_LEAST_FREE_BYTES = 2 * 1024**3


def examine() -> dict[str, Any]:
    """Look at versions, device, model, database and disk.

    Returns
    -------
    dict
        `python`, `versions`, `device`, `model`, `database`, `home`, `free_disk_gib`, and `problems`: one
        sentence each, empty if nothing is wrong.
    """
    from embtune.embedding.device import pick_device
    from embtune.embedding.models import resolve_model
    from embtune.store.database import ensure_folder, get_database

    settings = get_settings()
    problems: list[str] = []
    versions: dict[str, str] = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "missing"
            problems.append(f"{package} is not installed: run `make install`.")

    def attempt(what: Any) -> str:
        try:
            return str(what())
        except (EmbtuneError, ImportError) as error:
            problems.append(str(error))
            return "not usable"

    def model() -> str:
        found = resolve_model(settings.model)
        return f"{found.name} from {found.origin}: {found.path}"

    def database() -> str:
        db = get_database()
        with db.read():
            return db.engine.url.render_as_string(hide_password=True)

    def quaterion() -> str:
        import embtune.tuning.quaterion_compat  # noqa: F401 -- refuses versions it does not know

        return "usable"

    home = attempt(lambda: ensure_folder(settings.home_path))
    free = shutil.disk_usage(settings.home_path if settings.home_path.exists() else "/").free
    if free < _LEAST_FREE_BYTES:
        problems.append(
            f"Only {free / 1024**3:.1f} GiB are free at {settings.home_path}: make room for 2 GiB."
        )
    return {
        "python": sys.version.split()[0],
        "home": home,
        "free_disk_gib": round(free / 1024**3, 1),
        "database": attempt(database),
        "device": attempt(lambda: pick_device(settings.device).name),
        "model": attempt(model),
        "quaterion": attempt(quaterion),
        "versions": versions,
        "problems": problems,
    }
