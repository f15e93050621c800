"""Answers ``/health`` while the application is still being imported: the web framework alone takes half a second.

    doorway = Doorway(make_app)        # make_app() runs on a thread once the server has started
    uvicorn.Server(uvicorn.Config(doorway)).run()

Until the application is there, ``/health`` is answered here and everything else waits; then every request goes
through. It imports no framework, and knows of the application only that it is one.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from api.request_id import choose_request_id

log = logging.getLogger("tawny")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Application(Protocol):
    """What waits behind the door: an ASGI application, and what opens and closes it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""


class Doorway:
    """An ASGI application that becomes the one that ``make`` returns.

    ``lifespan`` of that application is entered when it is there and left when the server stops. If ``make`` raises,
    waiting requests get a 500 and ``on_failure`` is called.
    """

    def __init__(
        self,
        make: Callable[[], tuple[Application, AbstractAsyncContextManager[object]]],
        on_failure: Callable[[], None],
    ) -> None:
        self._make = make
        self._on_failure = on_failure
        self._app: Application | None = None
        self._ready: asyncio.Future[Application] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the server's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._app is not None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] == "/health":
            await _answer(send, 200, {"status": "ok"})
        else:
            await self._wait(scope, receive, send)

    async def _wait(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._ready is not None  # no request comes before the server's life has begun
        try:
            app = await asyncio.shield(self._ready)
        except Exception:
            told = {"message": "The server could not start; its log says why", "type": "server_error"}
            await _answer(send, 500, {"error": {**told, "param": None, "code": "internal_server_error"}})
            return
        await app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()  # lifespan.startup
        self._ready = asyncio.get_running_loop().create_future()
        stopping = asyncio.Event()
        living = asyncio.ensure_future(self._become(self._ready, stopping))
        await send({"type": "lifespan.startup.complete"})
        await receive()  # lifespan.shutdown
        stopping.set()
        await living
        await send({"type": "lifespan.shutdown.complete"})

    async def _become(self, ready: asyncio.Future[Application], stopping: asyncio.Event) -> None:
        try:
            app, life = await asyncio.to_thread(self._make)
        except Exception as error:
            log.exception("the application could not be made")
            ready.set_exception(error)
            ready.exception()  # Seen: nobody may be waiting.
            self._on_failure()
            return
        async with life:
            self._app = app
            ready.set_result(app)
            await stopping.wait()


async def _answer(send: Send, status: int, body: dict[str, Any]) -> None:
    headers = {"content-type": "application/json", "cache-control": "no-store", "x-request-id": choose_request_id()}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": json.dumps(body, separators=(",", ":")).encode()})
