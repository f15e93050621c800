"""More work than there is room for, and a server that is told to stop while it works."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image

from api import decoding, deps
from inference import pictures
from tests.fakes import Gateway, photo, png, wav
from tests.processes import wait_until

Make = Callable[..., Gateway]


class Asking:
    """An edit that is asked for on a thread of its own."""

    def __init__(self, gateway: Gateway, file: bytes | None = None, **fields: Any) -> None:
        self.response: httpx.Response | None = None
        self._file = file or png(photo())
        self._url, self._fields = f"{gateway.url}/v1/images/edits", {"prompt": "add a dog", **fields}
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        self.response = httpx.post(self._url, files={"image": self._file}, data=self._fields, timeout=60)

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
    gateway.stage.reached.get(timeout=30)
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


@pytest.mark.parametrize("stream", ["false", "true"])
def test_a_full_line_before_one_engine_is_busy_at_once_for_streams_too(make_gateway: Make, stream: str) -> None:
    gateway = make_gateway(queue_length=1)
    gateway.stage.held = True
    running = Asking(gateway)
    gateway.stage.reached.get(timeout=30)
    waiting = Asking(gateway)
    while httpx.get(f"{gateway.url}/v1/status").json()["engines"]["inpainter"]["queue"] == 0:
        pass  # each question takes the server's own time
    third = httpx.post(
        f"{gateway.url}/v1/images/edits",
        files={"image": png(photo())},
        data={"prompt": "add a dog", "stream": stream},
        timeout=20,
    )
    assert (third.status_code, third.json()["error"]["code"]) == (503, "busy")
    assert int(third.headers["retry-after"]) >= 1
    gateway.stage.release()
    assert [edit.answer().status_code for edit in (running, waiting)] == [200, 200]


def test_pictures_that_wait_are_bounded_in_bytes_however_small_their_files(make_gateway: Make) -> None:
    gateway = make_gateway(held_bytes=3_000_000, max_pixels=1_000_000)
    flat = png(Image.new("RGB", (900, 900)))
    assert len(flat) < 10_000
    gateway.stage.held = True
    first = Asking(gateway, file=flat)
    gateway.stage.reached.get(timeout=30)
    fields = {"operations": '[{"op":"rotate","degrees":90}]'}
    second = httpx.post(f"{gateway.url}/v1/images/edits", files={"image": flat}, data=fields)
    assert (second.status_code, second.json()["error"]["code"]) == (503, "busy")
    assert int(second.headers["retry-after"]) >= 1
    small = httpx.post(f"{gateway.url}/v1/images/edits", files={"image": png(photo())}, data=fields)
    assert small.status_code == 200
    sound = wav(bytes(2 * 16_000 * 20))
    heard = httpx.post(f"{gateway.url}/v1/audio/transcriptions", files={"file": ("a.wav", sound, "audio/wav")})
    assert (heard.status_code, heard.json()["error"]["code"]) == (503, "busy")
    gateway.stage.release()
    assert first.answer().status_code == 200


def test_uploads_are_decoded_few_at_a_time(make_gateway: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = make_gateway()
    now, most, enough = [0], [0], threading.Event()
    lock = threading.Lock()
    decode = pictures.decode_picture

    def decode_and_count(*args: Any, **kwargs: Any) -> Any:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
            if now[0] >= decoding.AT_ONCE:
                enough.set()
        assert enough.wait(30)
        with lock:
            now[0] -= 1
        return decode(*args, **kwargs)

    monkeypatch.setattr(deps, "decode_picture", decode_and_count)
    asking = [Asking(gateway, prompt="rotate right") for _ in range(3 * decoding.AT_ONCE)]
    assert [edit.answer().status_code for edit in asking] == [200] * len(asking)
    assert most[0] == decoding.AT_ONCE


def test_the_place_in_the_line_is_in_the_progress_of_a_stream(make_gateway: Make) -> None:
    gateway = make_gateway()
    gateway.stage.held = True
    running = Asking(gateway)
    gateway.stage.reached.get(timeout=30)
    told: list[dict[str, Any]] = []
    fields = {"operations": '[{"op":"rotate","degrees":90},{"op":"generate","prompt":"a dog"}]', "stream": "true"}
    files = {"image": png(photo())}
    with httpx.stream("POST", f"{gateway.url}/v1/images/edits", files=files, data=fields, timeout=20) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                told.append(json.loads(line[6:]))
                if "queue_position" in told[-1]:
                    gateway.stage.release()
    kinds = [event["type"] for event in told]
    assert (kinds[0], kinds[-1]) == ("image_edit.plan", "image_edit.completed")
    (waited,) = [event for event in told if "queue_position" in event]
    assert (waited["type"], waited["operation"], waited["queue_position"]) == ("image_edit.progress", "generate", 1)
    assert running.answer().status_code == 200


def test_whoever_leaves_the_line_is_dropped_from_it(make_gateway: Make) -> None:
    gateway = make_gateway()

    def waiting() -> int:
        return int(httpx.get(f"{gateway.url}/v1/status").json()["engines"]["inpainter"]["queue"])

    gateway.stage.held = True
    running = Asking(gateway)
    gateway.stage.reached.get(timeout=30)
    request = httpx.Request(
        "POST", f"{gateway.url}/v1/images/edits", files={"image": png(photo())}, data={"prompt": "add a dog"}
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as leaving:
        leaving.sendall(f"POST /v1/images/edits HTTP/1.1\r\n{head}\r\n".encode() + request.read())
        wait_until(lambda: waiting() == 1)
    wait_until(lambda: waiting() == 0)
    gateway.stage.release()
    assert running.answer().status_code == 200
    assert [verb for verb, _ in gateway.stage.asked].count("inpaint") == 1


def test_past_its_deadline_an_edit_is_503_with_the_setting_and_stops(make_gateway: Make) -> None:
    gateway = make_gateway(edit_seconds=3.0)
    gateway.stage.held = True
    late = Asking(gateway, steps="100", operations='[{"op":"generate","prompt":"a dog"}]').answer()
    assert (late.status_code, late.json()["error"]["code"]) == (503, "deadline_passed")
    assert "TAWNY_EDIT_SECONDS" in late.json()["error"]["message"]
    assert gateway.stage.step_until_stopped()


def test_words_are_in_the_log_only_if_asked_for(make_gateway: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tawny")
    for wanted in (False, True):
        gateway = make_gateway(log_words=wanted)
        httpx.post(f"{gateway.url}/v1/images/plans", json={"command": "rotate right"}, timeout=20)
        spoken = {"input": "A secret.", "voice": "small-voice"}
        httpx.post(f"{gateway.url}/v1/audio/speech", json=spoken, timeout=20)
        assert ("rotate right" in caplog.text, "A secret." in caplog.text) == (wanted, wanted)


def test_a_slow_picture_does_not_delay_speech(make_gateway: Make) -> None:
    gateway = make_gateway()
    gateway.stage.held = True
    slow = Asking(gateway)
    gateway.stage.reached.get(timeout=30)
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
    gateway.stage.reached.get(timeout=30)
    gateway.server.should_exit = True
    gateway.stage.release()
    response = running.answer()
    assert response.status_code == 200
    gateway.thread.join(20)
    assert not gateway.thread.is_alive()
