"""At run time nothing leaves the machine: the whole main job where there is no network at all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inference.settings import ROOT


def may_leave_the_network() -> bool:
    """Whether this user may have a network of its own."""
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-n", "true"], capture_output=True).returncode == 0


@pytest.mark.models
@pytest.mark.timeout(900)
@pytest.mark.skipif(not may_leave_the_network(), reason="needs the right to a network namespace (root)")
def test_the_main_job_needs_no_network_and_no_socket_leaves_loopback(tmp_path: Path) -> None:
    done = subprocess.run(
        ["unshare", "-n", sys.executable, "-m", "tests.offline", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=880,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + (tmp_path / "log").read_text()
    told = json.loads(done.stdout)
    assert told["statuses"] == [200, 200, 200, 200], told
    assert "black and white" in told["text"].lower()
    assert told["operations"] == [{"op": "grayscale"}, {"op": "rotate", "degrees": 90}]
    assert told["left loopback"] == []
    assert told["counted"] == 1, "or the next line would prove nothing"
    assert told["no route"] == 0
