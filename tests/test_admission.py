"""More work than there is room for, and a server that is told to stop while it works."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.fakes import Gateway, photo, png

Make = Callable[..., Gateway]


class Asking:
    """An edit that is asked for on a thread of its own."""

    def __init__(self, gateway: Gateway, **fields: Any) -> None:
        self.response: httpx.Response | None = None
        self._url, self._fields = f"{gateway.url}/v1/images/edits", {"prompt": "add a dog", **fields}
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        self.response = httpx.post(self._url, files={"image": png(photo())}, data=self._fields, timeout=30)

    def answer(self) -> httpx.Response:
        """Wait for the response."""
        self._thread.join(30)
        assert self.response is not None
        return self.response


@pytest.mark.parametrize("stream", ["false", "true"])
def test_past_the_limit_requests_are_busy_at_once_and_told_when_to_come_back(make_gateway: Make, stream: str) -> None:
    gateway = make_gateway(job_limit=1)
    gateway.stage.held = True
    first = Asking(gateway)
    gateway.stage.reached.get(timeout=20)
    files = {"image": png(photo())}
    refused = httpx.post(
        f"{gateway.url}/v1/images/edits", files=files, data={"prompt": "rotate right", "stream": stream}
    )
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["type"]) == (503, "busy", "server_error")
    assert int(refused.headers["retry-after"]) >= 1
    assert httpx.get(f"{gateway.url}/health").status_code == 200
    gateway.stage.release()
    assert first.answer().status_code == 200
    again = httpx.post(f"{gateway.url}/v1/images/edits", files=files, data={"prompt": "rotate right"})
    assert again.status_code == 200


def test_a_slow_picture_does_not_delay_speech(make_gateway: Make) -> None:
    gateway = make_gateway()
    gateway.stage.held = True
    slow = Asking(gateway)
    gateway.stage.reached.get(timeout=20)
    said = httpx.post(f"{gateway.url}/v1/images/plans", json={"command": "rotate right"})
    assert said.status_code == 200
    voice = httpx.post(f"{gateway.url}/v1/audio/speech", json={"input": " ", "voice": "small-voice"})
    assert voice.status_code == 200
    gateway.stage.release()
    assert slow.answer().status_code == 200


def test_a_stop_lets_running_work_finish(make_gateway: Make) -> None:
    gateway = make_gateway(grace_seconds=20.0)
    gateway.stage.held = True
    running = Asking(gateway)
    gateway.stage.reached.get(timeout=20)
    gateway.server.should_exit = True
    gateway.stage.release()
    response = running.answer()
    assert response.status_code == 200
    gateway.thread.join(20)
    assert not gateway.thread.is_alive()
