"""Streams over a real socket: the order of events, errors before and after the first byte, and clients that leave."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from api import streams
from inference.errors import OutOfMemory
from inference.events import Event
from tests.fakes import ROTATE, Gateway, opened, photo, png


@contextmanager
def open_stream(client: httpx.Client, **fields: Any) -> Iterator[httpx.Response]:
    """Begin a streamed edit."""
    files = {"image": ("photo.png", png(photo()), "image/png")}
    with client.stream("POST", "/v1/images/edits", files=files, data={"stream": "true", **fields}) as response:
        yield response


def events_of(response: httpx.Response) -> Iterator[dict[str, Any]]:
    """Yield the data of each event; check that its name is repeated in ``type``."""
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            data = json.loads(line[6:])
            assert data["type"] == name
            yield data


def all_events(client: httpx.Client, **fields: Any) -> list[dict[str, Any]]:
    """Return all events of a streamed edit."""
    with open_stream(client, **fields) as response:
        assert response.status_code == 200, response.read()
        return list(events_of(response))


def test_the_order_is_plan_progress_partial_images_completed(client: httpx.Client) -> None:
    events = all_events(client, prompt="add a dog and rotate right", steps=3, partial_images=2, seed=11)
    types = [event["type"] for event in events]
    assert types[0] == "image_edit.plan"
    assert types[-1] == "image_edit.completed"
    assert set(types[1:-1]) == {"image_edit.progress", "image_edit.partial_image"}
    assert [operation["op"] for operation in events[0]["operations"]] == ["generate", "rotate"]
    last = events[-1]
    assert last["operations"] == events[0]["operations"]
    assert last["seed"] == 11
    assert opened(base64.b64decode(last["b64_json"])).size == (40, 60)


def test_progress_counts_steps_and_never_goes_back(client: httpx.Client) -> None:
    told = [e for e in all_events(client, prompt="add a dog and rotate right", steps=3) if "step" in e]
    painted = [(e["step"], e["steps"]) for e in told if e["operation"] == "generate" and e["steps"] == 3]
    assert painted == [(1, 3), (2, 3), (3, 3)]
    fractions = [e["fraction"] for e in told]
    assert fractions == sorted(fractions)
    assert all(0 <= fraction <= 1 for fraction in fractions)
    assert {e["operation"] for e in told} == {"generate", "rotate"}


def test_partial_images_are_pictures_and_numbered(client: httpx.Client) -> None:
    told = [e for e in all_events(client, prompt="add a dog", partial_images=3) if "partial_image_index" in e]
    assert [e["partial_image_index"] for e in told] == [0, 1, 2]
    assert all(opened(base64.b64decode(e["b64_json"])).format == "PNG" for e in told)


def test_the_stream_has_its_headers(client: httpx.Client) -> None:
    with open_stream(client, prompt="add a dog") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-tawny-device"] == "parser=cpu, inpainter=cpu"
        assert response.headers["x-tawny-model"] == "parser=small-parser, inpainter=small-painter"
        assert response.headers["x-request-id"]
        assert response.headers["cache-control"] == "no-store"
        response.read()


def test_the_plan_arrives_before_the_picture_is_begun(client: httpx.Client, gateway: Gateway) -> None:
    gateway.stage.held = True
    with open_stream(client, prompt="add a dog") as response:
        events = events_of(response)
        assert next(events)["type"] == "image_edit.plan"
        assert gateway.stage.steps == 0
        gateway.stage.release()
        assert list(events)[-1]["type"] == "image_edit.completed"


def test_an_error_after_the_first_byte_is_one_last_event(client: httpx.Client, gateway: Gateway) -> None:
    gateway.stage.failure = OutOfMemory("It does not fit; raise TAWNY_MEMORY_BYTES")
    plan = json.dumps([ROTATE, {"op": "generate", "prompt": "a dog"}])
    events = all_events(client, operations=plan)
    assert [event["type"] for event in events].count("error") == 1
    error = events[-1]["error"]
    assert (events[-1]["type"], error["code"], error["type"]) == ("error", "out_of_memory", "server_error")
    assert set(error) == {"message", "type", "param", "code"}


def test_an_error_before_the_first_byte_is_a_status(client: httpx.Client, gateway: Gateway) -> None:
    gateway.stage.failure = OutOfMemory("It does not fit")
    with open_stream(client, prompt="rotate right") as response:
        response.read()
        assert (response.status_code, response.json()["error"]["code"]) == (503, "out_of_memory")


def test_leaving_a_stream_stops_the_work_within_one_step(
    client: httpx.Client, gateway: Gateway, cancelled: threading.Event
) -> None:
    stage = gateway.stage
    stage.held = True
    with open_stream(client, prompt="add a dog", steps=100) as response:
        events = events_of(response)
        stage.permit()
        while next(events).get("step") != 1:
            pass
    assert cancelled.wait(30)
    assert stage.step_until_stopped()
    assert stage.steps <= 3  # the one told, the one under way, and one that began before the worker read the cancel


def test_leaving_a_plain_request_stops_the_work_within_one_step(gateway: Gateway, cancelled: threading.Event) -> None:
    stage = gateway.stage
    stage.held = True
    files = {"image": ("photo.png", png(photo()), "image/png")}
    url = httpx.URL(gateway.url)
    asked = httpx.Request(
        "POST", url.join("/v1/images/edits"), files=files, data={"prompt": "add a dog", "steps": "100"}
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in asked.headers.items())
    with socket.create_connection((url.host, url.port or 80), timeout=20) as connection:
        connection.sendall(f"POST /v1/images/edits HTTP/1.1\r\n{head}\r\n".encode() + asked.read())
        stage.reached.get(timeout=20)  # only now is there a step to stop
    assert cancelled.wait(30)
    assert stage.step_until_stopped()
    assert stage.steps <= 2  # the one under way, and one that began before the worker had read the cancel


def test_after_a_client_left_the_next_one_is_served(client: httpx.Client, gateway: Gateway) -> None:
    gateway.stage.held = True
    with open_stream(client, prompt="add a dog", steps=100) as response:
        next(events_of(response))
    gateway.stage.release()
    assert all_events(client, prompt="add a dog")[-1]["type"] == "image_edit.completed"


def test_a_finished_stream_leaves_no_job_behind(client: httpx.Client, gateway: Gateway) -> None:
    all_events(client, prompt="add a dog")
    deadline = time.monotonic() + 30
    while gateway.runtime.jobs.count and time.monotonic() < deadline:
        client.get("/health")
    assert gateway.runtime.jobs.count == 0


def test_a_quiet_stream_sends_comments_that_clients_skip(
    client: httpx.Client, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "QUIET_SECONDS", 0.02)
    gateway.stage.held = True
    with open_stream(client, prompt="add a dog") as response:
        lines = response.iter_lines()
        while not next(lines).startswith(":"):
            pass
        gateway.stage.release()
        rest = list(lines)
    assert any(line == "event: image_edit.completed" for line in rest)


@pytest.mark.parametrize("name", ["a", "image_edit.plan"])
def test_a_frame_is_one_data_line_whatever_it_holds(name: str) -> None:
    frame = streams.frame(name, {"text": "two\nlines\r\n\u2028 \ud800"})
    head, data, *rest = frame.decode("ascii").split("\n")
    assert head == f"event: {name}"
    assert rest == ["", ""]
    assert json.loads(data.removeprefix("data: "))["type"] == name


def test_pauses_do_not_lose_events(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    monkeypatch.setattr(streams, "QUIET_SECONDS", 0.001)

    async def run() -> list[Event | None]:
        gates = [asyncio.Event() for _ in range(3)]

        async def slow() -> AsyncIterator[Event]:
            for gate in gates:
                await gate.wait()
                yield Event()

        seen: list[Event | None] = []
        pauses = 0
        async for event in streams._with_pauses(slow()):
            seen.append(event)
            if event is None:
                pauses += 1
                gates[min(pauses, 3) - 1].set()
        return seen

    seen = asyncio.run(run())
    assert len([event for event in seen if event is not None]) == 3
    assert None in seen
