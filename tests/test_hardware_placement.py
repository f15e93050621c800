"""Where an engine goes: the rule as a table, and what it asks of a machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from inference.errors import GpuRequired, OutOfMemory, TawnyError
from inference.hardware.device import Device, Library
from inference.hardware.memory import Budget
from inference.hardware.placement import Offer, choose, place
from inference.hardware.probe import Verdict
from inference.hardware.processor import Processor
from tests import machines
from tests.machines import GIB, FakeTools, look, make_machine

PLAIN = Processor("a processor", 2, 4, None)
ZEN5 = Processor("a newer one", 16, 32, "AVX512-BF16")
BOTH, CPU, GPU = ("gpu", "cpu"), ("cpu",), ("gpu",)
GOOD = machines.proved()
FLOAT32 = machines.proved(bfloat16=False)
BAD = Verdict("torch", False, "crashed", "the probe was killed by SIGSEGV")
ROOM = Budget(8 * GIB, "8.0 GiB: because")


@dataclass(frozen=True)
class Row:
    name: str
    runs_on: tuple[str, ...]
    wish: str
    verdict: Verdict | None
    kind: str
    dtype: str
    says: str
    needs: int = 1 * GIB
    library: Library = "torch"
    processor: Processor = PLAIN
    require: bool = False


TABLE = [
    Row("proved", BOTH, "auto", GOOD, "gpu", "bfloat16", "the card, proved: agrees with the CPU"),
    Row("proved and wished", BOTH, "gpu", GOOD, "gpu", "bfloat16", "proved"),
    Row("proved and required", BOTH, "auto", GOOD, "gpu", "bfloat16", "proved", require=True),
    Row("proved in float32 only", BOTH, "auto", FLOAT32, "gpu", "float32", "proved"),
    Row("GPU only", GPU, "auto", GOOD, "gpu", "bfloat16", "proved"),
    Row("exactly enough room", BOTH, "auto", GOOD, "gpu", "bfloat16", "proved", needs=8 * GIB),
    Row("unproved", BOTH, "auto", BAD, "cpu", "float32", "killed by SIGSEGV; float32"),
    Row("unproved, newer processor", BOTH, "auto", BAD, "cpu", "bfloat16", "AVX512-BF16", processor=ZEN5),
    Row("the operator wishes the CPU", BOTH, "cpu", None, "cpu", "float32", "the operator wishes it there"),
    Row("too large for the GPU", BOTH, "auto", GOOD, "cpu", "float32", "it needs 9.0 GiB", needs=9 * GIB),
    Row("size unknown", BOTH, "auto", GOOD, "gpu", "bfloat16", "proved", needs=0),
    Row("no GPU form", CPU, "auto", None, "cpu", "float32", "it has no GPU form", library="onnxruntime"),
    Row("no GPU form, all on the GPU", CPU, "gpu", None, "cpu", "float32", "no GPU form", library="onnxruntime"),
    Row("no GPU form, required", CPU, "auto", None, "cpu", "float32", "no GPU form", require=True),
    Row("ctranslate2 on the CPU", BOTH, "auto", BAD, "cpu", "float32", "SIG", library="ctranslate2", processor=ZEN5),
]


def offer_for(row: Row) -> Offer:
    budget = ROOM if row.verdict is not None and row.verdict.ok else None
    return Offer(row.processor, 64 * GIB, "the card", row.verdict, budget)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_table(row: Row) -> None:
    device = choose(
        "inpainter", row.runs_on, row.wish, row.needs, offer_for(row), require_gpu=row.require, library=row.library
    )
    assert (device.kind, device.dtype) == (row.kind, row.dtype)
    assert device.torch_name == ("cuda" if row.kind == "gpu" else "cpu")
    assert row.says in device.reason


@pytest.mark.parametrize(
    ("runs_on", "wish", "verdict", "require", "needs", "says"),
    [
        (BOTH, "gpu", BAD, False, 1, "is set to run on the GPU and cannot: the probe was killed by SIGSEGV"),
        (BOTH, "auto", BAD, True, 1, "must run on the GPU"),
        (GPU, "auto", BAD, False, 1, "must run on the GPU"),
        (BOTH, "gpu", GOOD, False, 9 * GIB, "it needs 9.0 GiB"),
        (BOTH, "cpu", None, True, 1, "TAWNY_DEVICE=auto"),
    ],
)
def test_insisting_refuses_instead_of_falling_back(
    runs_on: tuple[str, ...], wish: str, verdict: Verdict | None, require: bool, needs: int, says: str
) -> None:
    offer = Offer(PLAIN, 64 * GIB, "the card", verdict, ROOM, mend="sudo usermod -aG render $USER")
    with pytest.raises(GpuRequired, match="The inpainter") as refusal:
        choose("inpainter", runs_on, wish, needs, offer, require_gpu=require)
    assert says in refusal.value.message
    assert "usermod" in refusal.value.message or wish == "cpu"


def test_what_exceeds_the_whole_machine_is_refused() -> None:
    with pytest.raises(OutOfMemory, match="TAWNY_INPAINTER"):
        choose("inpainter", BOTH, "auto", 65 * GIB, Offer(PLAIN, 64 * GIB, verdict=BAD))


def test_devices_are_equal_where_the_place_is() -> None:
    assert Device("cpu", "cpu", "float32", "one reason") == Device("cpu", "cpu", "float32", "another")
    assert Device("cpu", "cpu", "float32", "") != Device("cpu", "cpu", "bfloat16", "")
    assert str(Device("cpu", "cpu", "float32", "no GPU found")) == "cpu: no GPU found"


def test_a_strix_halo_runs_on_its_gpu(tmp_path: Path) -> None:
    machine = look(make_machine(tmp_path, machines.STRIX_HALO))
    device = place("inpainter", BOTH, machine, "auto", 7 * GIB)
    assert (device.kind, device.dtype) == ("gpu", "bfloat16")
    assert device.reason.startswith("gfx1151, Strix Halo")


def test_a_box_without_a_gpu_starts_no_child(tmp_path: Path) -> None:
    tools = FakeTools(torch=machines.CPU_TORCH)
    machine = look(make_machine(tmp_path, flags="avx2"), tools)
    device = place("inpainter", BOTH, machine, "auto", 1 * GIB)
    assert str(device) == (
        "cpu: no GPU found (the kernel shows no KFD: /sys/class/kfd is not there); float32, as it has no bfloat16 "
        "instructions"
    )
    with pytest.raises(GpuRequired):
        place("inpainter", BOTH, machine, "gpu", 1 * GIB)
    assert tools.asked == []


@pytest.mark.parametrize(("runs_on", "wish"), [(CPU, "auto"), (CPU, "gpu"), (BOTH, "cpu")])
def test_who_stays_on_the_cpu_causes_no_proof(tmp_path: Path, runs_on: tuple[str, ...], wish: str) -> None:
    tools = FakeTools()
    machine = look(make_machine(tmp_path, machines.STRIX_HALO), tools)
    assert place("speaker", runs_on, machine, wish, 0, library="onnxruntime").kind == "cpu"
    assert tools.asked == []


def test_the_refusal_says_how_to_mend_it(tmp_path: Path) -> None:
    machine = look(make_machine(tmp_path, machines.STRIX_HALO), allowed=False)
    with pytest.raises(TawnyError, match=r"/dev/kfd may not be opened.*sudo usermod -aG"):
        place("inpainter", BOTH, machine, "gpu", 0)


def test_onnxruntime_never_goes_to_the_gpu(tmp_path: Path) -> None:
    tools = FakeTools()
    machine = look(make_machine(tmp_path, machines.STRIX_HALO), tools)
    assert place("speaker", BOTH, machine, "auto", 0, library="onnxruntime").kind == "cpu"
    assert tools.asked == []


def test_ctranslate2_does_not_trust_torch(tmp_path: Path) -> None:
    machine = look(make_machine(tmp_path, machines.STRIX_HALO))
    assert place("inpainter", BOTH, machine, "auto", 0).kind == "gpu"
    device = place("transcriber", BOTH, machine, "auto", 0, library="ctranslate2")
    assert device.kind == "cpu"
    assert "lost text" in device.reason
    # With a model to prove it with, its own proof counts.
    device = place("transcriber", BOTH, machine, "auto", 0, library="ctranslate2", model=tmp_path)
    assert device.kind == "gpu"


def test_an_nvidia_card_is_proved_and_used_the_same_way(tmp_path: Path) -> None:
    machines.add_device(make_machine(tmp_path), "dev/nvidia0")
    tools = FakeTools(torch=machines.CUDA_TORCH)
    machine = look(tmp_path, tools)
    for library in ("torch", "ctranslate2"):
        device = place("engine", BOTH, machine, "auto", 1 * GIB, library=library)
        assert (device.kind, device.torch_name) == ("gpu", "cuda")
    assert tools.asked == ["probe of torch", "probe of ctranslate2"]
    assert machine.worker_environment("engine", device) == {"OMP_WAIT_POLICY": "PASSIVE"}


def test_placing_twice_gives_the_same_place_while_memory_shrinks(tmp_path: Path) -> None:
    machine = look(make_machine(tmp_path, machines.STRIX_HALO, available=40 * GIB))
    first = place("inpainter", BOTH, machine, "auto", 20 * GIB)
    # Our own model is loaded now: that must not move it off its device.
    make_machine_smaller(tmp_path)
    assert place("inpainter", BOTH, machine, "auto", 20 * GIB) == first
    assert first.kind == "gpu"


def make_machine_smaller(root: Path) -> None:
    machines.write(root / "proc/meminfo", f"MemTotal: {128 << 20} kB\nMemAvailable: {18 << 20} kB\n")
