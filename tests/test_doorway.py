"""The doorway: alive before the application is there, transparent afterwards, honest if it never comes."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from api.doorway import Doorway, Receive, Scope, Send

Message = dict[str, Any]


class House:
    """An application that answers 204 to everything and notes when it was opened and closed."""

    def __init__(self) -> None:
        self.may_come = threading.Event()
        self.log: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        self.log.append(scope["path"])
        await send({"type": "http.response.start", "status": 204, "headers": []})

    @asynccontextmanager
    async def life(self) -> AsyncIterator[None]:
        """Note opening and closing."""
        self.log.append("opened")
        yield
        self.log.append("closed")

    def make(self) -> tuple[House, Any]:
        """Be there once the test allows it."""
        assert self.may_come.wait(30)
        return self, self.life()


def ask(doorway: Doorway, path: str) -> asyncio.Task[list[Message]]:
    """Send a request; the task returns what was answered."""

    async def run() -> list[Message]:
        sent: list[Message] = []

        async def send(message: Any) -> None:
            sent.append(dict(message))

        async def receive() -> Message:
            return {"type": "http.request"}

        await doorway({"type": "http", "path": path}, receive, send)
        return sent

    return asyncio.ensure_future(run())


async def live(doorway: Doorway, during: Callable[[], Awaitable[None]]) -> None:
    """Run ``during`` between the server's start and its stop."""
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    outbox: asyncio.Queue[Any] = asyncio.Queue()
    living = asyncio.ensure_future(doorway({"type": "lifespan"}, inbox.get, outbox.put))
    await inbox.put({"type": "lifespan.startup"})
    assert (await outbox.get())["type"] == "lifespan.startup.complete"
    await during()
    await inbox.put({"type": "lifespan.shutdown"})
    assert (await outbox.get())["type"] == "lifespan.shutdown.complete"
    await living


def test_health_is_answered_while_everything_else_waits() -> None:
    house = House()
    doorway = Doorway(house.make, lambda: None)

    async def during() -> None:
        waiting = ask(doorway, "/v1/models")
        head, body = await ask(doorway, "/health")
        assert (head["status"], json.loads(body["body"])) == (200, {"status": "ok"})
        assert b"x-request-id" in dict(head["headers"])
        assert not waiting.done()
        assert house.log == []
        house.may_come.set()
        assert (await waiting)[0]["status"] == 204
        assert (await ask(doorway, "/health"))[0]["status"] == 204

    asyncio.run(live(doorway, during))
    assert house.log == ["opened", "/v1/models", "/health", "closed"]


def test_an_application_that_cannot_be_made_is_a_500_and_is_reported() -> None:
    failed = threading.Event()

    def make() -> tuple[House, Any]:
        raise RuntimeError("a secret")

    doorway = Doorway(make, failed.set)

    async def during() -> None:
        head, body = await ask(doorway, "/v1/models")
        assert head["status"] == 500
        assert json.loads(body["body"])["error"]["code"] == "internal_server_error"
        assert b"secret" not in body["body"]

    asyncio.run(live(doorway, during))
    assert failed.is_set()


def test_a_stop_before_the_application_is_there_still_opens_and_closes_it() -> None:
    house = House()

    async def during() -> None:
        house.may_come.set()

    asyncio.run(live(Doorway(house.make, lambda: None), during))
    assert house.log == ["opened", "closed"]
