from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TypeVar

import pytest

from embtune.errors import IncompatibleLibraryError
from embtune.tuning import quaterion_compat as compat

RIGHT = {"quaterion": "0.1.35", "quaterion-models": "0.1.19"}
HOW = "run `make install`, or `pip install --no-deps --ignore-requires-python -r requirements-quaterion.txt`."


def test_quaterion_imports_once_the_module_is_imported():
    from quaterion import Quaterion, TrainableModel
    from quaterion.dataset import GroupSimilarityDataLoader
    from torch.utils.data import DataLoader

    assert issubclass(GroupSimilarityDataLoader, DataLoader)
    assert callable(Quaterion.fit)
    assert callable(TrainableModel.unwrap_cache)


def test_torch_has_the_type_variable_that_quaterion_imports():
    from torch.utils.data import dataloader, dataset

    assert isinstance(dataloader.T_co, TypeVar)
    assert isinstance(dataset.T_co, TypeVar)


def test_a_missing_type_variable_is_made_and_a_present_one_kept():
    without, renamed, present = ModuleType("without"), ModuleType("renamed"), ModuleType("present")
    renamed._T_co = TypeVar("_T_co", covariant=True)
    present.T_co = kept = TypeVar("T_co", covariant=True)
    compat.mend_type_variables(without, renamed, present)
    assert without.T_co.__covariant__
    assert renamed.T_co is renamed._T_co
    assert present.T_co is kept


def test_cleanup_unwraps_the_cache_after_a_fit_and_touches_no_trainer():
    from pytorch_lightning.trainer.states import TrainerFn
    from quaterion.train.callbacks import CleanupCallback

    calls = []
    model = SimpleNamespace(unwrap_cache=lambda: calls.append("unwrapped"))
    CleanupCallback().teardown(trainer=None, pl_module=model, stage=TrainerFn.FITTING)
    assert calls == ["unwrapped"]


def test_cleanup_leaves_other_stages_alone():
    from pytorch_lightning.trainer.states import TrainerFn
    from quaterion.train.callbacks import CleanupCallback

    # Quaterion fills its cache with trainer.predict, on a module that knows no unwrap_cache.
    CleanupCallback().teardown(trainer=None, pl_module=None, stage=TrainerFn.PREDICTING)


def test_the_right_versions_pass():
    compat.check_versions(RIGHT.__getitem__)


@pytest.mark.parametrize("name", ["quaterion", "quaterion-models"])
def test_another_version_is_refused_in_one_sentence(name):
    with pytest.raises(IncompatibleLibraryError) as caught:
        compat.check_versions((RIGHT | {name: "0.2.0"}).__getitem__)
    assert str(caught.value) == f"embtune works with {name} {RIGHT[name]}, but 0.2.0 is installed: {HOW}"


@pytest.mark.parametrize("name", ["quaterion", "quaterion-models"])
def test_an_absent_library_is_told_with_the_command_that_installs_it(name):
    def version_of(wanted: str) -> str:
        if wanted == name:
            raise metadata.PackageNotFoundError(wanted)
        return RIGHT[wanted]

    with pytest.raises(IncompatibleLibraryError) as caught:
        compat.check_versions(version_of)
    assert str(caught.value) == f"{name} {RIGHT[name]} is not installed: {HOW}"


def test_the_requirements_file_pins_the_versions_that_are_checked():
    text = (Path(__file__).parents[2] / "requirements-quaterion.txt").read_text(encoding="utf-8")
    pins = dict(line.split("==") for line in text.splitlines() if line and not line.startswith("#"))
    assert pins == compat.EXPECTED_VERSIONS == RIGHT
