"""Memory budgets, processors and their quotas."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.hardware.memory import backed_by_system, cpu_budget, gpu_budget, in_gib, read_memory
from inference.hardware.processor import read_processor
from inference.hardware.topology import Gpu, Identity, read_topology
from tests import machines
from tests.machines import GIB, make_machine, write


def gpu_of(root: Path, card: machines.Card) -> Gpu:
    return read_topology(make_machine(root, card), Identity.mine()).gpus[0]


@pytest.mark.parametrize(("total", "available", "room"), [(128, 120, 104), (64, 60, 47.2), (24, 10, 5.2), (16, 1, 0)])
def test_a_fifth_is_left_to_the_system_and_16_gib_at_most(
    tmp_path: Path, total: int, available: int, room: float
) -> None:
    memory = read_memory(make_machine(tmp_path, total=total * GIB, available=available * GIB))
    assert cpu_budget(memory).bytes == pytest.approx(room * GIB, rel=1e-6)


def test_a_container_limits_the_cpu_and_not_the_gpu(tmp_path: Path) -> None:
    card = machines.STRIX_HALO
    gpu = gpu_of(tmp_path, card)
    write(tmp_path / "sys/fs/cgroup/memory.max", f"{8 * GIB}\n")
    write(tmp_path / "sys/fs/cgroup/memory.current", f"{1 * GIB}\n")
    memory = read_memory(tmp_path)
    assert cpu_budget(memory).bytes == 7 * GIB
    assert "container" in cpu_budget(memory).sentence
    assert gpu_budget(gpu, memory, None).bytes == 104 * GIB
    write(tmp_path / "sys/fs/cgroup/memory.max", "max\n")
    assert read_memory(tmp_path).limit is None


def test_a_small_carve_out_takes_from_the_system(tmp_path: Path) -> None:
    gpu = gpu_of(tmp_path, machines.STRIX_HALO)
    memory = read_memory(tmp_path)
    assert backed_by_system(gpu)
    assert gpu_budget(gpu, memory, None).bytes == 104 * GIB
    assert gpu_budget(gpu, memory, 62 * GIB).bytes == 62 * GIB
    assert "library" in gpu_budget(gpu, memory, 62 * GIB).sentence


def test_gtt_is_a_bound_of_its_own(tmp_path: Path) -> None:
    gpu = gpu_of(tmp_path, machines.Card(110501, 0x1586, 80, 512 << 20, 62 * GIB))
    budget = gpu_budget(gpu, read_memory(tmp_path), 100 * GIB)
    assert budget.bytes == 62 * GIB
    assert "GTT" in budget.sentence


def test_a_large_carve_out_costs_the_system_nothing(tmp_path: Path) -> None:
    make_machine(tmp_path, machines.STRIX_HALO_CARVED, total=62 * GIB, available=20 * GIB)
    gpu = read_topology(tmp_path, Identity.mine()).gpus[0]
    budget = gpu_budget(gpu, read_memory(tmp_path), None)
    assert not backed_by_system(gpu)
    assert budget.bytes == 64 * GIB - (64 << 20)
    assert "carve-out" in budget.sentence


def test_a_discrete_card_has_its_own(tmp_path: Path) -> None:
    budget = gpu_budget(gpu_of(tmp_path, machines.RADEON), read_memory(tmp_path), 23 * GIB)
    assert budget.bytes == 23 * GIB


def test_without_kfd_only_the_library_knows(tmp_path: Path) -> None:
    memory = read_memory(make_machine(tmp_path))
    assert gpu_budget(None, memory, 130 * GIB).bytes == 130 * GIB
    assert gpu_budget(None, memory, None).bytes == 0


def test_no_meminfo_is_survived(tmp_path: Path) -> None:
    assert read_memory(tmp_path).total == 0
    assert cpu_budget(read_memory(tmp_path)).bytes == 0
    assert in_gib(3 * GIB // 2) == "1.5 GiB"


@pytest.mark.parametrize(
    ("flags", "dtype", "set_"),
    [
        ("avx2 avx512f avx512_bf16", "bfloat16", "AVX512-BF16"),
        ("avx512_bf16 amx_bf16 amx_tile", "bfloat16", "AMX"),
        ("sse4_2 avx2 avx512f avx512bw", "float32", None),
    ],
)
def test_bfloat16_only_where_the_processor_has_it(tmp_path: Path, flags: str, dtype: str, set_: str | None) -> None:
    processor = read_processor(make_machine(tmp_path, flags=flags))
    assert (processor.dtype, processor.bfloat16) == (dtype, set_)
    assert dtype in processor.sentence
    assert (processor.model, processor.cores, processor.threads) == ("AMD RYZEN AI MAX+ 395", 2, 4)


@pytest.mark.parametrize(
    ("quota", "threads"), [("max 100000", 4), ("150000 100000", 2), ("1000 100000", 1), ("900000 100000", 4), ("x", 4)]
)
def test_a_containers_share_of_the_processor(tmp_path: Path, quota: str, threads: int) -> None:
    make_machine(tmp_path)
    write(tmp_path / "sys/fs/cgroup/cpu.max", quota)
    assert read_processor(tmp_path).threads == threads


def test_no_cpuinfo_is_survived(tmp_path: Path) -> None:
    processor = read_processor(tmp_path)
    assert processor.threads >= 1
    assert processor.dtype == "float32"
