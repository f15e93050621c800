"""How long a body may take to arrive: a microphone as long as it likes, a trickle not at all. Hours pass in no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from api.access import BodyLimit

SECONDS = 30.0
Piece = tuple[float, int]
"""So many seconds after the one before come so many bytes."""


class Leaping(selectors.SelectSelector):
    """A selector that never waits: the time it should have waited has passed at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        """Look, and let the time pass."""
        self.now += timeout or 0.0
        return super().select(0)


def send_slowly(pieces: Iterable[Piece], limit: int = 64 * 1024 * 1024) -> tuple[int, float]:
    """Return how many bytes reached the application, or the status of the refusal, and after how many seconds."""
    selector = Leaping()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now  # type: ignore[method-assign]
    remaining = iter(pieces)
    read = 0

    async def receive() -> Message:
        seconds, size = next(remaining, (0.0, 0))
        await asyncio.sleep(seconds)
        return {"type": "http.request", "body": bytes(size), "more_body": size > 0}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal read
        while (message := await receive())["more_body"]:
            read += len(message["body"])
            await asyncio.sleep(0.01)  # what an application does with it

    async def send(message: Message) -> None:
        raise AssertionError(message)

    try:
        body = BodyLimit(app, limit=limit, seconds=SECONDS)({"type": "http", "headers": []}, receive, send)
        loop.run_until_complete(body)
    except HTTPException as refusal:
        return refusal.status_code, selector.now
    finally:
        loop.close()
    return read, selector.now


@pytest.mark.parametrize(
    ("kilobits", "every"), [(24, 0.25), (24, 1.0), (24, 10.0), (6, 1.0), (6, 20.0)], ids=lambda value: f"{value}"
)
def test_an_hour_of_a_live_microphone_is_taken(kilobits: int, every: float) -> None:
    size = int(kilobits * 1000 / 8 * every)
    read, seconds = send_slowly((every, size) for _ in range(int(3600 / every)))
    assert read == size * int(3600 / every)
    assert seconds >= 3600


@pytest.mark.parametrize("every", [0.1, 1.0, 29.0])
def test_a_trickle_is_refused_however_steady(every: float) -> None:
    status, seconds = send_slowly((every, 10) for _ in range(100_000))
    assert status == 408
    assert seconds == pytest.approx(SECONDS, abs=5.0)


def test_a_body_that_stands_still_is_refused() -> None:
    status, seconds = send_slowly([(0.0, 1000), (1e6, 1000)])
    assert status == 408
    assert seconds == pytest.approx(SECONDS, abs=0.5)


def test_a_burst_buys_no_time_for_a_trickle() -> None:
    status, seconds = send_slowly([(0.0, 8 * 1024 * 1024), *[(1.0, 1)] * 100_000])
    assert status == 408
    assert seconds == pytest.approx(SECONDS, abs=0.5)


def test_what_the_application_takes_is_not_held_against_the_client() -> None:
    # Ten thousand pieces at 10 ms each of the application's: 100 s in which the client was always ready.
    assert send_slowly((0.0, 1) for _ in range(10_000))[0] == 10_000


def test_the_limit_in_bytes_holds_for_slow_bodies_too() -> None:
    assert send_slowly(((1.0, 3000) for _ in range(3600)), limit=1_000_000)[0] == 413
