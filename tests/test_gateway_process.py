"""The gateway as a process: what it imports, how soon it answers, what it weighs, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from inference.settings import ROOT

HEAVY = (
    "torch", "diffusers", "transformers", "peft", "ctranslate2", "faster_whisper", "onnxruntime", "piper",
    "llguidance", "av", "huggingface_hub",
)  # fmt: skip


@contextmanager
def started(folder: Path, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str, float]]:
    """Run ``python -m api`` on a free port; yield the process, its address and when it was started."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TAWNY_")}
    environment |= {"TAWNY_PORT": "0", "TAWNY_STATE": str(folder), **variables}
    with (folder / "log").open("w") as log:
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "api"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("Tawny serves at http://127.0.0.1:"), (folder / "log").read_text()
            yield process, line.split()[-1], began
        finally:
            process.kill()
            process.wait(10)
            assert process.stdout is not None
            process.stdout.close()


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_the_gateway_imports_no_inference_library() -> None:
    program = "import sys, json; import api.app, api.__main__; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert loaded & set(HEAVY) == set()
    assert "fastapi" in loaded


def test_it_answers_soon_stays_small_and_ends_when_told(tmp_path: Path) -> None:
    with started(tmp_path) as (process, url, began):
        with httpx.Client(base_url=url) as client:
            assert client.get("/health").json() == {"status": "ok"}
            # The promise is one second on an idle machine; tests run on busy ones.
            assert time.monotonic() - began < 20
            assert client.get("/v1/models").status_code == 200
            assert client.get("/v1/status").status_code == 200
        if sys.platform == "linux":
            assert resident_bytes(process.pid) < 150e6
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert " tawny.access [req_" in log
    assert "GET /v1/models 200" in log


def test_an_interrupt_ends_it_quietly(tmp_path: Path) -> None:
    with started(tmp_path) as (process, url, _):
        httpx.get(f"{url}/health")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in (0, -signal.SIGINT)
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_mistyped_variable_is_in_the_log(tmp_path: Path) -> None:
    with started(tmp_path, TAWNY_MAXPIXELS="5") as (_, url, _began):
        httpx.get(f"{url}/health")
    log = (tmp_path / "log").read_text()
    assert "TAWNY_MAXPIXELS is no setting" in log
    assert "TAWNY_MAX_PIXELS" in log


def test_a_taken_port_is_one_plain_sentence(tmp_path: Path) -> None:
    with started(tmp_path) as (_, url, _began):
        environment = {**os.environ, "TAWNY_PORT": url.rsplit(":", 1)[1], "TAWNY_STATE": str(tmp_path)}
        second = subprocess.run(
            [sys.executable, "-m", "api"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
        )
    assert second.returncode == 1
    assert second.stderr.strip().splitlines()[-1].startswith("Cannot listen on 127.0.0.1")


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_every_setting_and_serves_nothing(option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api", option], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert "TAWNY_API_KEY" in done.stdout
    assert "TAWNY_SYSFS_ROOT" in done.stdout
