"""What the installed torch is, read without importing it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from inference.hardware.torch_build import TorchBuild, ask_targets, find_torch, known_targets, read_build
from tests import machines


def read(folder: Path, text: str) -> TorchBuild | None:
    path = folder / "version.py"
    path.write_text(text)
    return read_build(path)


@pytest.mark.parametrize(
    ("text", "vendor", "rocm"),
    [
        ("__version__ = '2.13.0+cpu'\ncuda: Optional[str] = None\nhip: Optional[str] = None", None, None),
        ("__version__ = '2.13.0+cu130'\ncuda: Optional[str] = '13.0'\nhip: Optional[str] = None", "nvidia", None),
        ("__version__ = '2.13.0+rocm7.2'\ncuda = None\nhip = '7.2.53211-e1a6'\nrocm = '7.2.4'", "amd", "7.2.4"),
        ("__version__ = '2.10.0+rocm7.1'\nhip: Optional[str] = '7.1.25424-4179531dcd'", "amd", "7.1"),
        ("__version__ = '2.9.1+rocm7.10.0a20251015'\nhip = '7.1.25404'", "amd", "7.10.0"),
        ("__version__ = '2.9.1a0+gitabc'\nhip = '6.4.43484-123810c37'", "amd", "6.4"),
    ],
)
def test_builds(tmp_path: Path, text: str, vendor: str | None, rocm: str | None) -> None:
    build = read(tmp_path, text)
    assert build is not None
    assert (build.vendor, build.rocm) == (vendor, rocm)
    assert build.version in build.sentence


@pytest.mark.parametrize("text", ["", "not python (", "version = 1", "__version__ = 3"])
def test_what_is_no_build(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) is None
    assert read_build(tmp_path / "nowhere.py") is None


def test_nothing_in_the_file_is_run(tmp_path: Path) -> None:
    assert read(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w')\n__version__ = '1'") is not None
    assert not (tmp_path / "ran").exists()


def test_the_installed_torch_is_found_without_importing_it() -> None:
    loaded = "torch" in sys.modules
    build = find_torch()
    assert ("torch" in sys.modules) == loaded
    if build is not None:
        assert build.version[0].isdigit()


def test_a_cpu_build_starts_no_child(tmp_path: Path) -> None:
    assert ask_targets(machines.CPU_TORCH, tmp_path, {}, ["/nonexistent/never-started"]) == ()
    assert not (tmp_path / "hardware").exists()


def test_targets_are_asked_for_once_per_build(tmp_path: Path) -> None:
    asked = [sys.executable, "-c", "print('noise'); print('targets: gfx1100 gfx1151')"]
    assert known_targets(machines.ROCM_TORCH, tmp_path) is None
    assert ask_targets(machines.ROCM_TORCH, tmp_path, dict(os.environ), asked) == ("gfx1100", "gfx1151")
    gone = ["/nonexistent/never-started"]
    assert ask_targets(machines.ROCM_TORCH, tmp_path, {}, gone) == ("gfx1100", "gfx1151")
    other = machines.build("2.14.0+rocm7.2", hip="7.2.1")
    assert ask_targets(other, tmp_path, {}, gone) is None


@pytest.mark.parametrize("body", ["raise SystemExit(1)", "import os; os.abort()", "print('something else')"])
def test_a_child_that_does_not_say(tmp_path: Path, body: str) -> None:
    assert ask_targets(machines.ROCM_TORCH, tmp_path, dict(os.environ), [sys.executable, "-c", body]) is None
    assert known_targets(machines.ROCM_TORCH, tmp_path) is None
