"""Between jobs and connections: wait for a job as long as its client is there, and turn its events into a stream.

    result = await settled(request, job)                        # a plain answer
    first, events = await begun(request, job, Planned)          # errors up to here still become a status
    return EventStream(job, events, translate, finish)          # from here on they become an `error` event

Whoever leaves takes the work along: a closed connection cancels the job, which stops at its engine's next event.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from fastapi import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.problems import describe
from inference.errors import Cancelled, TawnyError
from inference.events import Event
from inference.jobs import Job

T = TypeVar("T")
E = TypeVar("E", bound=Event)

Named = tuple[str, Mapping[str, Any]]
"""A server-sent event: its name and its data, which repeats the name in ``type``."""

QUIET_SECONDS = 15.0
"""Proxies close connections that say nothing; after so long a comment is sent."""


def device_header(devices: Mapping[str, str]) -> dict[str, str]:
    """Return ``x-tawny-device`` for engines and where they ran, or no header where no engine was needed."""
    return {"x-tawny-device": ", ".join(f"{engine}={kind}" for engine, kind in devices.items())} if devices else {}


def model_header(models: Mapping[str, str]) -> dict[str, str]:
    """Return ``x-tawny-model`` for engines and the models they ran, or no header where no engine was needed."""
    return {"x-tawny-model": ", ".join(f"{engine}={model}" for engine, model in models.items())} if models else {}


def base64_text(data: bytes) -> str:
    """Return ``data`` as JSON carries it."""
    return base64.b64encode(data).decode("ascii")


async def settled(request: Request, job: Job[T]) -> T:
    """Return the job's result or raise its error; cancel it and raise `Cancelled` if the client leaves."""
    return await _while_connected(request, job, job.result())


async def begun(request: Request, job: Job[Any], kind: type[E]) -> tuple[E | None, AsyncIterator[Event]]:
    """Wait for the job's first event of ``kind``; return it and the job's events from that one on.

    What the job reported before is dropped. If a job ends before, its error is raised, or there are no events.
    """
    events = job.events()

    async def find() -> E | None:
        async for event in events:
            if isinstance(event, kind):
                return event
        await job.result()
        return None

    first = await _while_connected(request, job, find())
    return first, _chain(first, events)


async def _chain(first: Event | None, rest: AsyncIterator[Event]) -> AsyncIterator[Event]:
    if first is not None:
        yield first
        async for event in rest:
            yield event


async def _while_connected(request: Request, job: Job[Any], work: Coroutine[Any, Any, T]) -> T:
    async def leave() -> None:
        # The body has been read, so the next thing to receive is the end of the connection.
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(leave())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Cancelled("The client left")
        return working.result()
    finally:
        if not working.done():
            job.cancel()
        for task in (working, leaving):
            task.cancel()


class JobStream(StreamingResponse):
    """A streamed body that cancels its job when it ends in whatever way."""

    def __init__(self, job: Job[Any], body: AsyncIterator[bytes], media_type: str, headers: Mapping[str, str]) -> None:
        super().__init__(body, media_type=media_type, headers=dict(headers))
        self._job = job

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the body; a client that leaves ends it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._job.cancel()


class EventStream(JobStream):
    """A job as server-sent events.

    ``translate`` turns one event of the job into any number of server-sent ones, ``finish`` the result into the last.
    An error becomes one ``error`` event with the body that a response would have had. ``write`` makes the bytes of
    an event, for dialects that do it their own way.
    """

    def __init__(
        self,
        job: Job[T],
        events: AsyncIterator[Event],
        translate: Callable[[Event], Awaitable[Iterable[Named]]],
        finish: Callable[[T], Awaitable[Iterable[Named]]],
        headers: Mapping[str, str],
        write: Callable[[str, Mapping[str, Any]], bytes] | None = None,
    ) -> None:
        body = _frames(job, events, translate, finish, write or frame)
        # No cache, and no buffering by nginx in front: an event that is late is no event.
        super().__init__(
            job, body, "text/event-stream", {"cache-control": "no-store", "x-accel-buffering": "no", **headers}
        )


async def _frames(
    job: Job[T],
    events: AsyncIterator[Event],
    translate: Callable[[Event], Awaitable[Iterable[Named]]],
    finish: Callable[[T], Awaitable[Iterable[Named]]],
    write: Callable[[str, Mapping[str, Any]], bytes],
) -> AsyncIterator[bytes]:
    try:
        async for event in _with_pauses(events):
            if event is None:
                yield b": still working\n\n"
                continue
            for name, data in await translate(event):
                yield write(name, data)
        for name, data in await finish(await job.result()):
            yield write(name, data)
    except TawnyError as error:
        yield write("error", describe(error))


async def _with_pauses(events: AsyncIterator[Event]) -> AsyncIterator[Event | None]:
    """Yield the events, and None whenever none came for `QUIET_SECONDS`."""
    coming: asyncio.Future[Event | None] | None = None
    try:
        while True:
            if coming is None:
                coming = asyncio.ensure_future(_next(events))
            done, _ = await asyncio.wait({coming}, timeout=QUIET_SECONDS)
            if not done:
                yield None
                continue
            event, coming = coming.result(), None
            if event is None:
                return
            yield event
    finally:
        if coming is not None:
            coming.cancel()


async def _next(events: AsyncIterator[Event]) -> Event | None:
    return await anext(events, None)


def frame(name: str, data: Mapping[str, Any]) -> bytes:
    """Return one server-sent event. JSON has no line breaks, so one ``data:`` line holds it."""
    text = json.dumps({"type": name, **data}, separators=(",", ":"))
    return f"event: {name}\ndata: {text}\n\n".encode()
