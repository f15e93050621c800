"""At run time nothing leaves the machine: the whole main job where there is no network at all, and what sockets do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from inference.settings import ROOT
from tests.fakes import photo, png
from tests.offline import guarded, left_loopback, set_guards
from tests.processes import standing_in


def may_leave_the_network() -> bool:
    """Whether this user may have a network of its own."""
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-n", "true"], capture_output=True).returncode == 0


def test_no_socket_of_the_gateway_or_of_its_workers_leaves_loopback(tmp_path: Path) -> None:
    variables = set_guards(tmp_path)
    with standing_in(tmp_path, **variables) as gateway, httpx.Client(base_url=gateway.url, timeout=60) as client:
        said = client.post("/v1/audio/speech", json={"input": "Rotate right.", "voice": "alloy"})
        sound = {"audio": ("a.mp3", said.content, "audio/mpeg")}
        heard = client.post("/v1/images/edits", files={"image": png(photo()), **sound})
        painted = client.post("/v1/images/edits", files={"image": png(photo())}, data={"prompt": "add a dog"})
        kept = client.post("/v1/jobs", files={"image": png(photo())}, data={"prompt": "add a dog"})
        looked = [
            client.get(path) for path in ("/", "/v1/status", "/metrics", "/v1/models", f"/v1/jobs/{kept.json()['id']}")
        ]
    assert [answer.status_code for answer in (said, heard, painted, kept, *looked)] == [200, 200, 200, 202, *[200] * 5]
    assert left_loopback(tmp_path) == []
    assert guarded(tmp_path) >= 5, "the gateway and each of its workers"


@pytest.mark.parametrize(
    "leave",
    [
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 9))",
        "socket.socket().bind(('0.0.0.0', 0))",
        "socket.getaddrinfo('192.0.2.1', 443)",
    ],
)
def test_the_guard_notes_what_leaves(tmp_path: Path, leave: str) -> None:
    environment = {**os.environ, **set_guards(tmp_path)}
    program = f"import contextlib, socket\nwith contextlib.suppress(OSError):\n    {leave}"
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], env=environment, timeout=60, check=True)
    assert len(left_loopback(tmp_path)) == 1


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
    assert told["guarded"] >= 5, "the gateway and each of its workers"
    assert told["counted"] == 1, "or the next line would prove nothing"
    assert told["no route"] == 0
