import sys
from types import SimpleNamespace

import pytest

from embtune.embedding import device
from embtune.embedding.device import Device, has_fast_bfloat16, parse_cpuinfo, pick_device
from embtune.errors import BadInputError, UnknownChoiceError


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"avx2", "fma", "f16c"}, False),
        ({"avx512f", "avx512_vnni"}, False),
        ({"avx512f", "avx512_bf16"}, True),
        ({"amx_tile", "amx_bf16", "amx_int8"}, True),
        ({"asimd", "bf16"}, True),
        (set(), False),
    ],
)
def test_fast_bfloat16_needs_a_bfloat16_instruction(flags, expected):
    assert has_fast_bfloat16(flags) is expected


def test_cpuinfo_of_x86_and_arm():
    x86 = "model name\t: Some CPU\nflags\t\t: fpu avx2 amx_bf16\n\nprocessor\t: 1\nflags\t: fpu\n"
    arm = "processor\t: 0\nFeatures\t: fp asimd bf16\n"
    assert parse_cpuinfo(x86) == {"fpu", "avx2", "amx_bf16"}
    assert parse_cpuinfo(arm) == {"fp", "asimd", "bf16"}
    assert parse_cpuinfo("nothing of the kind") == frozenset()


@pytest.fixture
def torch(monkeypatch):
    """Stand in for torch: a machine with no GPU at all, to be changed by the test."""
    fake = SimpleNamespace(
        cuda=SimpleNamespace(
            is_available=lambda: False,
            get_device_properties=lambda _: SimpleNamespace(name="NVIDIA H200", total_memory=139 * 2**30),
            get_device_capability=lambda _: (9, 0),
        ),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False)),
        cpu=SimpleNamespace(get_capabilities=lambda: {"avx2": True, "amx_bf16": False, "l2_cache_size": 1}),
    )
    monkeypatch.setitem(sys.modules, "torch", fake)
    return fake


def test_flags_come_from_torch_where_there_is_no_cpuinfo(torch, monkeypatch, tmp_path):
    monkeypatch.setattr(device, "_CPUINFO", tmp_path / "absent")
    assert device.cpu_flags() == {"avx2"}
    torch.cpu = SimpleNamespace()
    assert device.cpu_flags() == frozenset()


@pytest.mark.parametrize(("cores", "told"), [(1, "1 core"), (2, "2 cores")])
def test_auto_without_gpu_is_the_cpu(torch, monkeypatch, cores, told):
    monkeypatch.setattr(device, "cpu_flags", lambda: frozenset({"avx512_bf16"}))
    monkeypatch.setattr(device, "n_cores", lambda: cores)
    assert pick_device() == Device("cpu", f"this computer's processor ({told})", bfloat16=True)


def test_auto_prefers_cuda_to_mps_to_cpu(torch):
    torch.backends.mps.is_available = lambda: True
    assert pick_device() == Device("mps", "Apple GPU", bfloat16=False)
    torch.cuda.is_available = lambda: True
    assert pick_device() == Device("cuda", "NVIDIA H200 · 139 GiB", bfloat16=True)
    torch.cuda.get_device_capability = lambda _: (7, 5)
    assert not pick_device("cuda").bfloat16
    assert pick_device("cpu").kind == "cpu"


@pytest.mark.parametrize(("wanted", "what"), [("cuda", "NVIDIA GPU"), ("mps", "Apple GPU")])
def test_a_device_that_is_absent_is_told(torch, wanted, what):
    with pytest.raises(
        BadInputError, match=rf"'{wanted}' was asked for, but there is no {what}.*'auto' or 'cpu'"
    ):
        pick_device(wanted)


def test_an_unknown_device_is_told():
    with pytest.raises(UnknownChoiceError, match="Unknown device 'tpu'"):
        pick_device("tpu")
