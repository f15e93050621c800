"""Listens on the two ports, reads events, and hands them to a conversation.

    async with listening(settings, runtime):
        ...

The protocol knows no keys: whoever reaches a port may use it. So both are bound to loopback unless
``TAWNY_WYOMING_HOST`` says otherwise. Whoever leaves takes the work along, as over HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

from wyoming.error import Error
from wyoming.event import Event, Eventable, async_read_event, async_write_event
from wyoming.info import Describe
from wyoming.ping import Ping, Pong

from api.request_id import choose_request_id
from api.settings import Settings
from api.wyoming.about import describe_ears, describe_mouth
from api.wyoming.ears import Ears
from api.wyoming.mouth import Mouth
from inference.errors import Cancelled, InvalidRequest, TawnyError
from inference.jobs import Job
from inference.labels import CALLER, REQUEST_ID
from inference.runtime import Runtime

log = logging.getLogger("tawny.wyoming")

LINGER = 1.0
"""Seconds in which whoever was refused may stop sending."""
WAITING = 32
"""So many events of one client may wait; then it is read no further."""


class Conversation(Protocol):
    """What one port does with the events of one client. ``job`` is the work under way, if any."""

    job: Job[Any] | None

    async def handle(self, event: Event) -> AsyncIterator[Eventable]:
        """Yield the answers to ``event``; raise a `TawnyError` for what cannot be done."""
        yield Pong()


@asynccontextmanager
async def listening(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Serve the ports that are set until the block ends. Raises `OSError` for a port that cannot be had."""
    conversations: list[tuple[int, Callable[[], Conversation], Callable[[Runtime], Eventable]]] = [
        (settings.wyoming_stt_port, lambda: Ears(runtime, settings), describe_ears),
        (settings.wyoming_tts_port, lambda: Mouth(runtime, settings), describe_mouth),
    ]
    connections: set[asyncio.Task[None]] = set()
    async with AsyncExitStack() as stack:
        for port, make, describe in conversations:
            if port:
                serve = _server(make, describe, runtime, settings, connections)
                server = await asyncio.start_server(serve, settings.wyoming_host, port)
                stack.callback(server.close)
                log.info("Wyoming at tcp://%s:%d", settings.wyoming_host, port)
        if settings.wyoming_announce:
            from api.wyoming.announcing import announced  # who announces nothing need not have the package

            purposes = {"hearing": settings.wyoming_stt_port, "speaking": settings.wyoming_tts_port}
            open_ports = {purpose: port for purpose, port in purposes.items() if port}
            await stack.enter_async_context(announced(settings.wyoming_host, open_ports))
        yield
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


def _server(
    make: Callable[[], Conversation],
    describe: Callable[[Runtime], Eventable],
    runtime: Runtime,
    settings: Settings,
    connections: set[asyncio.Task[None]],
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
    """Return what a server does with a new connection."""

    def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(connections) >= settings.max_connections:
            log.warning("a Wyoming connection too many is closed; see TAWNY_MAX_CONNECTIONS")
            writer.transport.abort()
            return
        task = asyncio.ensure_future(_Connection(reader, writer, make(), describe, runtime, settings).run())
        connections.add(task)
        task.add_done_callback(connections.discard)

    return connect


class _Connection:
    """One client, from its first event to its leaving."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        conversation: Conversation,
        describe: Callable[[Runtime], Eventable],
        runtime: Runtime,
        settings: Settings,
    ) -> None:
        self._reader: Any = _Bounded(reader, settings.max_upload_bytes)
        self._bytes = reader
        self._patience = settings.answer_seconds
        self._writer = writer
        self._conversation = conversation
        self._describe = describe
        self._runtime = runtime
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(WAITING)

    async def run(self) -> None:
        """Answer events until the client leaves or something is refused."""
        # This task's own context: the queue is fair between callers, the log tells their requests apart.
        peer = self._writer.get_extra_info("peername")
        CALLER.set(peer[0] if peer else "")
        REQUEST_ID.set(choose_request_id())
        reading = asyncio.ensure_future(self._read())
        try:
            while (event := await self._events.get()) is not None and await self._answer(event):
                pass
            await self._let_it_hear(reading)
        except OSError:
            log.debug("a client left in the middle of an answer")
        except Exception:
            log.exception("a Wyoming conversation broke")
        finally:
            reading.cancel()
            if self._conversation.job is not None:
                self._conversation.job.cancel()
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._within_patience(self._writer.wait_closed())

    async def _read(self) -> None:
        """Queue what the client sends; at its end stop the work that nobody waits for."""
        try:
            # Anything malformed ends the connection: there is no telling where the next event begins.
            with contextlib.suppress(OSError, EOFError, ValueError, KeyError, TypeError, AttributeError):
                while (event := await async_read_event(self._reader)) is not None:
                    await self._events.put(event)
        finally:
            if self._conversation.job is not None:
                self._conversation.job.cancel()
            await self._events.put(None)

    async def _answer(self, event: Event) -> bool:
        """Send the answers to one event; False ends the connection."""
        if Describe.is_type(event.type):
            await self._send(await asyncio.to_thread(self._describe, self._runtime))
            return True
        if Ping.is_type(event.type):
            await self._send(Pong(text=(event.data or {}).get("text")))
            return True
        try:
            async for answer in self._conversation.handle(event):
                await self._send(answer)
        except Cancelled:
            return False
        except TawnyError as error:
            await self._send(Error(error.message, error.code))
            return False
        except (KeyError, TypeError, ValueError, AttributeError):
            # An event of a known kind without its fields.
            await self._send(Error(f"The event {event.type!r} is malformed", InvalidRequest.code))
            return False
        return True

    async def _send(self, answer: Eventable) -> None:
        await self._within_patience(async_write_event(answer.event(), self._writer))

    async def _let_it_hear(self, reading: asyncio.Future[None]) -> None:
        """Read on for a moment: a socket that is closed while its client still sends forgets its last answer."""
        reading.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                await asyncio.gather(reading, return_exceptions=True)
                self._writer.write_eof()
                while await self._bytes.read(65536):
                    pass

    async def _within_patience(self, sending: Awaitable[None]) -> None:
        """Wait until the client has taken what is sent; cut it where it does not."""
        try:
            async with asyncio.timeout(self._patience):
                await sending
        except TimeoutError:
            self._writer.transport.abort()  # a close would wait for the very same
            raise


class _Bounded:
    """A reader that refuses an event past ``limit`` bytes, instead of gathering whatever is announced."""

    def __init__(self, reader: asyncio.StreamReader, limit: int) -> None:
        self._reader = reader
        self._limit = limit

    async def readline(self) -> bytes:
        """Return a line; the reader's own limit bounds it."""
        return await self._reader.readline()

    async def readexactly(self, count: int) -> bytes:
        """Return ``count`` bytes; raise `ValueError` for too many."""
        if count > self._limit:
            raise ValueError(f"{count} bytes in one event")
        return await self._reader.readexactly(count)
