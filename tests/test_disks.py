"""Disks that are full or read-only: real ones, mounted for the server alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from inference.writing import write_whole
from tests.fakes import make_models, photo, png
from tests.processes import standing_in


def may_mount() -> bool:
    """Whether this user may have mounts of its own."""
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-m", "true"], capture_output=True).returncode == 0


mounts = pytest.mark.skipif(not may_mount(), reason="needs the right to mount (root or CAP_SYS_ADMIN)")


def mounted(*commands: str) -> list[str]:
    """Return the prefix of a command that runs where ``commands`` have mounted things for it alone."""
    return ["unshare", "-m", "sh", "-ec", "; ".join([*commands, 'exec "$0" "$@"'])]


@mounts
def test_a_full_disk_refuses_jobs_keeps_serving_and_leaves_nothing_behind(tmp_path: Path) -> None:
    state = tmp_path / "state"
    mount = f"mount -t tmpfs -o size=1m tmpfs {state}"
    noise = np.random.default_rng(1).integers(0, 256, (450, 450, 3), np.uint8)
    big = png(Image.fromarray(noise))
    assert len(big) > 500_000
    with standing_in(tmp_path, mounted(mount)) as gateway:
        edit = {"operations": '[{"op":"rotate","degrees":90}]'}
        statuses = []
        for _ in range(4):
            sent = httpx.post(f"{gateway.url}/v1/jobs", files={"image": big}, data=edit, timeout=60)
            statuses.append(sent.status_code)
        assert sent.status_code == 503, statuses
        assert sent.json()["error"]["code"] == "disk_full"
        assert "TAWNY_STATE" in sent.json()["error"]["message"]
        plain = httpx.post(f"{gateway.url}/v1/images/edits", files={"image": png(photo())}, data=edit, timeout=60)
        assert plain.status_code == 200
        inside = Path(f"/proc/{gateway.process.pid}/root{state}/jobs")
        kept = {row["id"] for row in httpx.get(f"{gateway.url}/v1/jobs", timeout=60).json()["data"]}
        assert {path.name for path in inside.iterdir()} == kept
        for job in kept:
            assert httpx.delete(f"{gateway.url}/v1/jobs/{job}", timeout=60).status_code == 200
        assert list(inside.iterdir()) == []
        small = httpx.post(f"{gateway.url}/v1/jobs", files={"image": png(photo())}, data=edit, timeout=60)
        assert small.status_code == 202, "with room made it goes on by itself"


@mounts
def test_a_read_only_models_folder_serves(tmp_path: Path) -> None:
    models = tmp_path / "models"
    make_models(tmp_path)
    with standing_in(
        tmp_path, mounted(f"mount --bind {models} {models}", f"mount -o remount,bind,ro {models}")
    ) as gateway:
        inside = Path(f"/proc/{gateway.process.pid}/root{models}/note")
        with pytest.raises(OSError, match="Read-only"):
            inside.touch()
        said = httpx.post(f"{gateway.url}/v1/images/plans", json={"command": "rotate right"}, timeout=60)
        assert said.status_code == 200
        assert "Traceback" not in gateway.log


@mounts
def test_a_state_folder_that_cannot_be_written_is_one_plain_sentence(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    prefix = mounted(f"mount -t tmpfs -o ro tmpfs {state}")
    with (
        pytest.raises(AssertionError, match=r"cannot be written \(Read-only file system\)"),
        standing_in(tmp_path, prefix),
    ):
        pass
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_file_is_whole_or_the_old_one_and_no_draft_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    write_whole(file, b"old")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]
