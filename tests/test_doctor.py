"""The doctor as a program: what it says about modelled machines, to people and to programs, and before the setup."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inference.engines import ENGINES
from tests import machines
from tests.machines import GIB, make_machine

DOCTOR = Path(__file__).resolve().parent.parent / "scripts" / "doctor"


def run(root: Path, *arguments: str, bare: bool = False, **environment: str) -> tuple[int, str]:
    """Run it on a tree. `bare` is a Python without any package, as before the setup."""
    # Nothing of the operator's may leak in; PATH is what a Python needs to start children.
    variables = {"PATH": os.environ["PATH"], "TAWNY_SYSFS_ROOT": str(root), "TAWNY_STATE": str(root / "state")}
    python = [sys.executable, *(["-I", "-S"] if bare else [])]
    answer = subprocess.run(
        [*python, str(DOCTOR), "--this-python", *arguments],
        env=variables | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in answer.stderr, answer.stderr
    return answer.returncode, answer.stdout + answer.stderr


def facts(root: Path, *, bare: bool = False, **environment: str) -> dict[str, Any]:
    _, said = run(root, "--json", bare=bare, **environment)
    told: dict[str, Any] = json.loads(said)
    return told


def test_before_the_setup_it_says_so(tmp_path: Path) -> None:
    code, said = run(make_machine(tmp_path), bare=True)
    assert code == 1
    assert "no torch yet" in said
    assert "-> Run ./scripts/setup" in said
    assert "no GPU found" in said


def test_before_the_setup_on_a_strix_halo(tmp_path: Path) -> None:
    told = facts(make_machine(tmp_path, machines.STRIX_HALO), bare=True)
    assert told["gpus"][0]["target"] == "gfx1151"
    assert told["engines"] is None
    assert not told["healthy"]
    assert any("torch is not installed" in finding["text"] for finding in told["findings"])


def test_a_strix_halo_with_the_wrong_torch(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the sentence is about an installed torch")
    told = facts(make_machine(tmp_path, machines.STRIX_HALO))
    if told["torch"]["hip"]:
        pytest.skip("this torch can use the GPU")
    (finding,) = [finding for finding in told["findings"] if finding["text"].startswith("torch does not use the GPU")]
    assert finding["level"] == "bad"
    assert "TAWNY_TORCH=rocm ./scripts/setup" in finding["mend"]
    assert not told["healthy"]


def test_every_engine_is_named_with_a_reason_or_an_error(tmp_path: Path) -> None:
    told = facts(make_machine(tmp_path))
    if not told["environment"]["ready"]:
        pytest.skip("not everything is installed")
    assert [engine["engine"] for engine in told["engines"]] == [engine.name for engine in ENGINES]
    for engine in told["engines"]:
        assert engine["reason"] or engine["error"]
        assert engine["device"] in ("cpu", None)


def test_a_person_sees_the_commands_whole(tmp_path: Path) -> None:
    half = machines.Card(110501, 0x1586, 80, 512 << 20, 62 * GIB)
    _, said = run(make_machine(tmp_path, half, total=125 * GIB), bare=True)
    assert "40 compute units" in said
    (command,) = [line for line in said.splitlines() if "ttm.pages_limit=" in line]
    assert command.strip().startswith("-> To give it 109 GiB: add ttm.pages_limit=28573696")


def test_a_mistyped_setting_is_named(tmp_path: Path) -> None:
    told = facts(make_machine(tmp_path), bare=True, TAWNY_DEVISE="gpu")
    assert any("TAWNY_DEVISE" in finding["text"] for finding in told["findings"])
    code, said = run(tmp_path, bare=True, TAWNY_DEVICE="toaster")
    assert code == 1
    assert "TAWNY_DEVICE must be auto, gpu or cpu" in said
