"""How the server ends: gently, at once, or killed; and that it leaves nothing behind. Real processes, real signals."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import httpx
import pytest

from tests.fakes import photo, png
from tests.processes import StandIn, is_gone, standing_in, wait_until

EDIT = {"operations": '[{"op":"generate","prompt":"a dog"}]', "seed": "1"}


class Edit:
    """An edit that is asked for on a thread of its own."""

    def __init__(self, gateway: StandIn) -> None:
        self.response: httpx.Response | None = None
        self.error: Exception | None = None
        self._url = f"{gateway.url}/v1/images/edits"
        self.thread = threading.Thread(target=self._ask)
        self.thread.start()

    def _ask(self) -> None:
        try:
            self.response = httpx.post(self._url, files={"image": png(photo())}, data=EDIT, timeout=60)
        except httpx.HTTPError as error:
            self.error = error


def plan(gateway: StandIn) -> httpx.Response:
    """Ask for a plan."""
    return httpx.post(f"{gateway.url}/v1/images/plans", json={"command": "rotate right"}, timeout=60)


def begin_held_edit(gateway: StandIn) -> Edit:
    """Start an edit and return while the inpainter's process is at it."""
    (gateway.state / "hold").touch()
    edit = Edit(gateway)
    wait_until((gateway.state / "painting").exists)
    return edit


def test_a_term_finishes_what_runs_refuses_what_comes_and_ends_every_child(tmp_path: Path) -> None:
    with standing_in(tmp_path, TAWNY_GRACE_SECONDS="30") as gateway:
        assert (
            httpx.post(f"{gateway.url}/v1/images/plans", json={"command": "rotate right"}, timeout=60).status_code
            == 200
        )
        edit = begin_held_edit(gateway)
        workers = gateway.workers()
        assert len(workers) >= 2
        gateway.process.send_signal(signal.SIGTERM)
        wait_until(
            lambda: httpx.post(f"{gateway.url}/v1/images/plans", json={"command": "x"}, timeout=60).status_code == 503
        )
        refused = plan(gateway)
        assert refused.json()["error"]["code"] == "shutting_down"
        assert int(refused.headers["retry-after"]) >= 1
        assert httpx.get(f"{gateway.url}/health", timeout=60).status_code == 200
        (gateway.state / "hold").unlink()
        edit.thread.join(30)
        assert edit.response is not None
        assert edit.response.status_code == 200
        assert gateway.process.wait(30) in (0, -signal.SIGTERM)
        assert all(is_gone(pid) for pid in workers)
    assert "Traceback" not in gateway.log


def test_past_the_grace_what_runs_is_cut_and_still_nothing_is_left(tmp_path: Path) -> None:
    with standing_in(tmp_path, TAWNY_GRACE_SECONDS="0") as gateway:
        edit = begin_held_edit(gateway)
        workers = gateway.workers()
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(30) in (0, -signal.SIGTERM)
        assert all(is_gone(pid) for pid in workers)
        edit.thread.join(30)
        assert edit.response is None or edit.response.status_code >= 499


@pytest.mark.parametrize("hung", [False, True])
def test_a_killed_gateway_takes_its_workers_along_even_hung_ones(tmp_path: Path, hung: bool) -> None:
    with standing_in(tmp_path, TAWNY_INPAINTER_PATIENCE_SECONDS="60") as gateway:
        edit = begin_held_edit(gateway)
        workers = gateway.workers()
        if hung:
            (gateway.state / "hang").touch()
        gateway.kill()
        wait_until(lambda: all(is_gone(pid) for pid in workers))
        edit.thread.join(30)
        assert edit.error is not None


def test_a_worker_stopped_by_the_system_is_killed_and_the_cause_told(tmp_path: Path) -> None:
    with standing_in(tmp_path) as gateway:
        edit = begin_held_edit(gateway)
        painter = int((gateway.state / "painting").read_text())
        os.kill(painter, signal.SIGSTOP)
        edit.thread.join(30)
        assert edit.response is not None
        error = edit.response.json()["error"]
        assert (edit.response.status_code, error["code"]) == (500, "engine_failed")
        assert "no sign of life for 3 s" in error["message"]
        wait_until(lambda: is_gone(painter))
        (gateway.state / "hold").unlink()
        again = Edit(gateway)
        again.thread.join(30)
        assert again.response is not None
        assert again.response.status_code == 200


def test_two_servers_on_one_state_folder_the_second_refuses(tmp_path: Path) -> None:
    with standing_in(tmp_path) as gateway:
        with pytest.raises(AssertionError, match="Another server uses the state folder"), standing_in(tmp_path):
            pass
        assert httpx.get(f"{gateway.url}/health", timeout=60).status_code == 200
        gateway.kill()
    with standing_in(tmp_path) as after:
        assert httpx.get(f"{after.url}/health").status_code == 200, "the lock ends with the process"
