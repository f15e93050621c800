"""The machine as a whole, on trees modelled on published values (see machines.py)."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from inference.hardware.device import Device, Library
from inference.hardware.findings import list_findings
from inference.hardware.machine import Machine
from inference.hardware.memory import read_memory
from inference.hardware.override import PLAIN
from inference.hardware.probe import Verdict
from inference.hardware.processor import read_processor
from inference.hardware.report import describe_machine
from inference.hardware.torch_build import TorchBuild
from inference.hardware.tuning import TUNINGS, switch_miopen, tune
from inference.hardware.visible import read_visibility
from tests import machines
from tests.machines import GIB, FakeTools, look, make_machine, write

ON_GPU = Device("gpu", "cuda", "bfloat16", "")
ON_CPU = Device("cpu", "cpu", "float32", "")
HALO = machines.STRIX_HALO
UNFIXED = machines.Card(110501, 0x1586, 80, 2 * GIB, 60 * GIB, fixed=False)


def reason(machine: Machine, library: Library = "torch") -> str:
    obstacle = machine.obstacle(library)
    return "" if obstacle is None else f"{obstacle.reason} | {obstacle.mend}"


def test_a_strix_halo_has_nothing_in_its_way(tmp_path: Path) -> None:
    machine = look(make_machine(tmp_path, HALO))
    assert machine.obstacle("torch") is None
    assert machine.proof("torch").ok
    levels = {finding.level for finding in list_findings(machine)}
    assert "bad" not in levels
    assert "warning" not in levels


@pytest.mark.parametrize("card", [machines.STRIX_POINT, machines.RADEON, machines.STRIX_HALO_CARVED])
def test_other_gpus_that_torch_was_built_for(tmp_path: Path, card: machines.Card) -> None:
    machine = look(make_machine(tmp_path, card))
    assert machine.proof("torch").ok


def test_krackan_gets_the_nearest_target(tmp_path: Path) -> None:
    tools = FakeTools()
    machine = look(make_machine(tmp_path, machines.KRACKAN), tools)
    assert machine.proof("torch").ok
    assert tools.environments[0][PLAIN] == "11.5.1"
    assert machine.worker_environment("inpainter", ON_GPU)[PLAIN] == "11.5.1"


def test_a_leftover_spoof_reaches_no_worker(tmp_path: Path) -> None:
    tools = FakeTools()
    machine = look(make_machine(tmp_path, HALO), tools, {PLAIN: "11.0.0"})
    assert machine.proof("torch").ok
    assert PLAIN not in tools.environments[0]
    assert machine.worker_environment("inpainter", ON_GPU)[PLAIN] is None
    assert any("leftover" in finding.text for finding in list_findings(machine))


def test_a_spoof_that_is_meant_reaches_the_probe(tmp_path: Path) -> None:
    tools = FakeTools()
    machine = look(make_machine(tmp_path, HALO), tools, {PLAIN: "11.0.0", "TAWNY_KEEP_HSA_OVERRIDE": "1"})
    machine.proof("torch")
    assert tools.environments[0][PLAIN] == "11.0.0"


@pytest.mark.parametrize(
    ("torch", "targets", "says"),
    [
        (None, None, "torch is not installed | Run ./scripts/setup"),
        (
            machines.CPU_TORCH,
            (),
            "needs a torch built for ROCm, and this is torch 2.13.0+cpu, a build for the CPU only",
        ),
        (
            machines.CUDA_TORCH,
            (),
            "torch 2.13.0+cu130, built for CUDA 13.0 | Install one: TAWNY_TORCH=rocm ./scripts/setup",
        ),
        (machines.ROCM_TORCH, ("gfx942",), "torch was built for gfx942, not for gfx1151"),
    ],
)
def test_a_torch_that_does_not_fit(
    tmp_path: Path, torch: TorchBuild | None, targets: tuple[str, ...] | None, says: str
) -> None:
    tools = FakeTools(torch=torch, targets=targets)
    machine = look(make_machine(tmp_path, HALO), tools)
    assert says in reason(machine)
    verdict = machine.proof("torch")
    assert (verdict.ok, verdict.outcome) == (False, "absent")
    assert "probe of torch" not in tools.asked


def test_a_user_outside_the_group(tmp_path: Path) -> None:
    tools = FakeTools()
    machine = look(make_machine(tmp_path, HALO), tools, allowed=False)
    assert "sudo usermod -aG render" in reason(machine)
    assert "sudo usermod -aG" in reason(machine, "ctranslate2")
    assert tools.asked == []


def test_a_device_of_roots_group_sends_nobody_into_that_group(tmp_path: Path) -> None:
    machine = look(make_machine(tmp_path, HALO), allowed=False)
    kfd, *others = machine.topology.access
    kfd = replace(kfd, group=0, group_name="root")
    machine.topology = replace(machine.topology, access=(kfd, *others))
    assert "sudo chgrp render /dev/kfd" in reason(machine)
    assert "usermod" not in reason(machine)


def test_one_obstacle_is_told_once(tmp_path: Path) -> None:
    tools = FakeTools(torch=machines.build("2.13.0+rocm7.2", hip="7.2.26015", rocm="7.2.0"))
    machine = look(make_machine(tmp_path, UNFIXED, kernel=machines.OLD), tools)
    told = [finding for finding in list_findings(machine) if "KFD fixes" in finding.text]
    assert [finding.level for finding in told] == ["bad"]
    assert told[0].text.startswith("torch and ctranslate2 do not use the GPU: ROCm 7.2.0 on kernel")
    assert "TAWNY_KERNEL_CHECK=off" in told[0].mend


def test_a_container_without_the_devices(tmp_path: Path) -> None:
    write(make_machine(tmp_path, HALO, dev=False) / ".dockerenv", "")
    told = reason(look(tmp_path))
    assert "/dev/kfd is not there" in told
    assert "--device /dev/kfd --device /dev/dri" in told


def test_a_container_with_the_devices_and_without_the_group(tmp_path: Path) -> None:
    write(make_machine(tmp_path, HALO) / ".dockerenv", "")
    told = reason(look(tmp_path, allowed=False))
    assert f"--group-add {tmp_path.stat().st_gid};" in told


def test_a_bad_kernel_is_refused_and_the_setting_overrules(tmp_path: Path) -> None:
    tools = FakeTools(torch=machines.build("2.13.0+rocm7.2", hip="7.2.26015", rocm="7.2.0"))
    make_machine(tmp_path, UNFIXED, kernel=machines.OLD)
    told = reason(look(tmp_path, tools))
    assert "ROCm 7.2.0 on kernel 6.11.0-29-generic, which lacks the KFD fixes" in told
    assert "6.18.4 or later" in told
    assert tools.asked == []
    machine = look(tmp_path, tools, {"TAWNY_KERNEL_CHECK": "off"})
    assert machine.proof("torch").ok


def test_hidden_gpus(tmp_path: Path) -> None:
    assert "HIP_VISIBLE_DEVICES=-1 hides every GPU" in reason(
        look(make_machine(tmp_path, HALO), None, {"HIP_VISIBLE_DEVICES": "-1"})
    )


def test_a_card_without_kfd(tmp_path: Path) -> None:
    make_machine(tmp_path, HALO)
    (tmp_path / "sys/class/kfd/kfd/topology/nodes/1/properties").unlink()
    machine = look(tmp_path)
    assert "1002:1586" in reason(machine)
    assert list_findings(machine)[0].level == "bad"


def test_an_nvidia_card_and_a_torch_for_the_cpu(tmp_path: Path) -> None:
    machines.add_device(make_machine(tmp_path), "dev/nvidia0")
    told = reason(look(tmp_path, FakeTools(torch=machines.CPU_TORCH)))
    assert "/dev/nvidia0 needs a torch built for CUDA" in told


def test_the_build_decides_between_two_vendors(tmp_path: Path) -> None:
    machines.add_device(make_machine(tmp_path, HALO), "dev/nvidia0")
    assert look(tmp_path, FakeTools(torch=machines.CUDA_TORCH)).vendor == "nvidia"
    assert look(tmp_path, FakeTools(torch=machines.ROCM_TORCH)).vendor == "amd"
    assert look(tmp_path, FakeTools(torch=machines.CPU_TORCH)).vendor == "amd"


def test_of_two_gpus_the_one_that_torch_knows_is_used(tmp_path: Path) -> None:
    make_machine(tmp_path, machines.RAPHAEL, machines.RADEON)
    machine = look(tmp_path)
    gpu = machine.gpu(ask=True)
    assert gpu is not None
    assert gpu.target == "gfx1100"
    assert machine.worker_environment("inpainter", ON_GPU)["HIP_VISIBLE_DEVICES"] == "1"


def test_the_operators_choice_of_a_gpu_stands(tmp_path: Path) -> None:
    make_machine(tmp_path, machines.STRIX_HALO, machines.RADEON)
    machine = look(tmp_path, None, {"HIP_VISIBLE_DEVICES": "0"})
    gpu = machine.gpu()
    assert gpu is not None
    assert gpu.target == "gfx1151"
    assert "HIP_VISIBLE_DEVICES" not in machine.worker_environment("inpainter", ON_GPU)


def test_a_worker_on_the_cpu_cannot_open_the_gpu(tmp_path: Path) -> None:
    waits = {"OMP_WAIT_POLICY": "PASSIVE"}
    hidden = {"HIP_VISIBLE_DEVICES": "-1", "CUDA_VISIBLE_DEVICES": "-1"} | waits
    assert look(make_machine(tmp_path / "a", HALO)).worker_environment("parser", ON_CPU) == hidden
    assert look(make_machine(tmp_path / "b")).worker_environment("parser", ON_CPU) == waits
    assert look(make_machine(tmp_path / "b"), None, waits).worker_environment("parser", ON_CPU) == {}


def test_tuning_is_for_strix_halo_only(tmp_path: Path) -> None:
    machine = look(make_machine(tmp_path / "a", HALO), None, {"TORCH_BLAS_PREFER_HIPBLASLT": "0"})
    changes = machine.worker_environment("inpainter", ON_GPU)
    assert changes["TORCH_ROCM_AOTRITON_ENABLE_EXPERIMENTAL"] == "1"
    assert changes["MIOPEN_FIND_MODE"] == "FAST"
    assert changes["CT2_CUDA_ALLOCATOR"] == "cub_caching"
    assert "TORCH_BLAS_PREFER_HIPBLASLT" not in changes
    for name in ("MIOPEN_USER_DB_PATH", "MIOPEN_CUSTOM_CACHE_DIR"):
        folder = changes[name]
        assert folder is not None
        assert Path(folder).is_dir()
        assert Path(folder).is_relative_to(tmp_path)
    other = look(make_machine(tmp_path / "b", machines.RADEON)).worker_environment("inpainter", ON_GPU)
    assert other == {"CT2_CUDA_ALLOCATOR": "cub_caching", "OMP_WAIT_POLICY": "PASSIVE"}


def test_tuning_is_a_setting_with_reasons(tmp_path: Path) -> None:
    assert set(tune("gfx1151", tmp_path, {})) == {row.name for row in TUNINGS}
    assert tune("gfx1151", tmp_path, {"TAWNY_TUNING": "off"}) == {}
    assert all(row.reason for row in TUNINGS)


@pytest.mark.parametrize(("value", "on"), [("", True), ("on", True), ("off", False), ("0", False)])
def test_miopen_is_turned_off_by_request_only(monkeypatch: pytest.MonkeyPatch, value: str, on: bool) -> None:
    cudnn = SimpleNamespace(enabled=True)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(backends=SimpleNamespace(cudnn=cudnn)))
    assert switch_miopen({"TAWNY_MIOPEN": value}) is on
    assert cudnn.enabled is on


def test_a_proof_is_kept_over_restarts_and_redone_when_asked(tmp_path: Path) -> None:
    tools = FakeTools()
    make_machine(tmp_path, HALO)
    assert look(tmp_path, tools).known_proof("torch") is None
    look(tmp_path, tools).proof("torch")
    assert look(tmp_path, tools).proof("torch").ok
    assert tools.asked.count("probe of torch") == 1
    look(tmp_path, tools).proof("torch", fresh=True)
    assert tools.asked.count("probe of torch") == 2


@pytest.mark.parametrize(
    ("path", "text"), [("proc/sys/kernel/random/boot_id", "another\n"), ("proc/sys/kernel/osrelease", "7.0.1\n")]
)
def test_another_boot_or_kernel_asks_for_another_proof(tmp_path: Path, path: str, text: str) -> None:
    tools = FakeTools()
    look(make_machine(tmp_path, HALO), tools).proof("torch")
    write(tmp_path / path, text)
    look(tmp_path, tools).proof("torch")
    assert tools.asked.count("probe of torch") == 2


def test_a_crash_is_not_risked_again(tmp_path: Path) -> None:
    tools = FakeTools(verdict=Verdict("torch", False, "crashed", "killed by SIGSEGV"))
    make_machine(tmp_path, HALO)
    for _ in range(3):
        assert look(tmp_path, tools).proof("torch").reason == "killed by SIGSEGV"
    assert tools.asked.count("probe of torch") == 1


def test_threads_share_one_probe(tmp_path: Path) -> None:
    class Slow(FakeTools):
        def run_probe(self, library: Library, environment: Mapping[str, str], model: Path | None) -> Verdict:
            started.set()
            assert release.wait(10)
            return super().run_probe(library, environment, model)

    started, release = threading.Event(), threading.Event()
    tools = Slow(targets=machines.BROAD)
    machine = look(make_machine(tmp_path, HALO), tools)
    threads = [threading.Thread(target=machine.proof, args=("torch",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert started.wait(10)
    # While the probe runs the status answers: nothing there waits for it.
    assert describe_machine(machine)["proofs"]["torch"] is None
    release.set()
    for thread in threads:
        thread.join(10)
    assert tools.asked.count("probe of torch") == 1


@pytest.mark.parametrize("cards", [(), (HALO,), (machines.RAPHAEL, machines.RADEON), (UNFIXED,)])
def test_the_report_starts_nothing_and_is_plain(tmp_path: Path, cards: tuple[machines.Card, ...]) -> None:
    tools = FakeTools()
    report = describe_machine(look(make_machine(tmp_path, *cards), tools))
    assert tools.asked == []
    assert json.loads(json.dumps(report)) == report
    assert len(report["gpus"]) == len(cards)
    assert all(finding["text"] for finding in report["findings"])


def test_the_report_of_a_strix_halo(tmp_path: Path) -> None:
    report = describe_machine(look(make_machine(tmp_path, HALO)))
    (gpu,) = report["gpus"]
    assert (gpu["target"], gpu["version"], gpu["pci"]) == ("gfx1151", "11.5.1", "1002:1586")
    assert gpu["found_in"] == "/sys/class/kfd/kfd/topology/nodes/1/properties"
    assert report["kernel"]["check"]["level"] == "good"
    assert report["memory"]["gpu_budget"]["bytes"] == 104 * GIB
    assert len(report["tuning"]) == len(TUNINGS)


@pytest.mark.parametrize(
    ("cards", "torch", "because"),
    [
        ((), machines.ROCM_TORCH, "there is no AMD GPU in use"),
        ((HALO,), machines.CPU_TORCH, "torch 2.13.0+cpu, a build for the CPU only, uses no AMD GPU"),
        ((HALO,), None, "torch is not installed"),
    ],
)
def test_an_override_that_plays_no_part_is_named(
    tmp_path: Path, cards: tuple[machines.Card, ...], torch: TorchBuild | None, because: str
) -> None:
    tools = FakeTools(torch=torch)
    machine = look(make_machine(tmp_path, *cards), tools, {f"{PLAIN}_1": "11.0.0"})
    told = describe_machine(machine)["override"]
    assert (told["set"], told["unset"], told["in_force"]) == ({}, [], None)
    assert told["sentence"] == f"no override: {because}"
    (warning,) = told["warnings"]
    assert warning.startswith(f"{PLAIN}_1=11.0.0 ")
    assert "changes nothing now" in warning
    assert warning in [finding.text for finding in list_findings(machine) if finding.level == "warning"]
    assert describe_machine(look(tmp_path, tools))["override"]["warnings"] == []


def test_an_old_kernel_is_named_before_torch_can_use_the_gpu(tmp_path: Path) -> None:
    machine = look(make_machine(tmp_path, UNFIXED, kernel=machines.OLD), FakeTools(torch=machines.CPU_TORCH))
    (finding,) = [finding for finding in list_findings(machine) if "KFD fixes" in finding.text]
    assert (finding.level, "6.18.4 or later" in finding.mend) == ("warning", True)


def test_a_tree_of_sys_and_dev_alone_keeps_this_machines_processor_and_memory(tmp_path: Path) -> None:
    shutil.rmtree(make_machine(tmp_path, HALO) / "proc")
    machine = look(tmp_path)
    gpu = machine.gpu()
    assert gpu is not None and gpu.target == "gfx1151"
    assert machine.memory.total == read_memory(Path("/")).total > 0
    assert machine.budget("cpu").bytes > 0
    assert machine.processor == read_processor(Path("/"))
    assert machine.kernel_release is None, "which kernel the tree is from nobody knows"


def test_the_advice_on_memory(tmp_path: Path) -> None:
    half = machines.Card(110501, 0x1586, 80, 512 << 20, 62 * GIB)
    machine = look(make_machine(tmp_path / "a", half, total=125 * GIB))
    (advice,) = [finding.mend for finding in list_findings(machine) if "GTT" in finding.text]
    assert "ttm.pages_limit=28573696" in advice  # 109 GiB of 262144 pages each
    carved = make_machine(tmp_path / "b", machines.STRIX_HALO_CARVED, total=62 * GIB)
    (advice,) = [finding.mend for finding in list_findings(look(carved)) if "GTT" in finding.text]
    assert "512 MB in the firmware" in advice


@pytest.mark.parametrize(
    ("environment", "count", "named", "first", "hidden"),
    [
        ({}, 1, False, None, None),
        ({"HIP_VISIBLE_DEVICES": "1,0"}, 2, True, 1, None),
        ({"CUDA_VISIBLE_DEVICES": "0"}, 2, True, 0, None),
        ({"HIP_VISIBLE_DEVICES": "5"}, 2, True, None, None),
        ({"ROCR_VISIBLE_DEVICES": "GPU-deadbeef"}, 2, True, None, None),
        ({"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "0"}, 2, True, None, None),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, 1, True, None, "CUDA_VISIBLE_DEVICES=-1"),
        ({"HIP_VISIBLE_DEVICES": ""}, 1, False, None, None),
    ],
)
def test_visible_devices(
    environment: dict[str, str], count: int, named: bool, first: int | None, hidden: str | None
) -> None:
    seen = read_visibility(environment, count)
    assert (seen.named, seen.first, seen.hidden) == (named, first, hidden)


def test_a_survey_imports_no_inference_library_and_is_quick(tmp_path: Path) -> None:
    program = (
        "import os, sys, time\nfrom pathlib import Path\nfrom inference.hardware.machine import survey\n"
        "from inference.hardware.placement import place\n"
        "from inference.hardware.report import describe_machine\n"
        f"started = time.process_time()\nmachine = survey(state=Path({str(tmp_path)!r}), environment=os.environ)\n"
        "describe_machine(machine)\nspent = time.process_time() - started\n"
        "heavy = {'torch', 'ctranslate2', 'onnxruntime', 'numpy', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\nprint(spent)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 0, answer.stderr
    # Processor time, so that a busy machine does not count; 50 ms is the promise.
    assert float(answer.stdout) < 0.05
