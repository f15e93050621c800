"""The server around the application: patient with work, impatient with connections.

    server = make_server(app, settings, on_stop=runtime.refuse, at_work=lambda: runtime.jobs.count > 0)
    server.run(sockets=[listener])

On a signal it refuses new work (503, `on_stop` sees to it) but keeps answering until what runs has finished or the
grace is over; only then does it close its door. Connections are bounded in number, a request's head in bytes and in
seconds, so that nobody can keep the server busy by saying nothing slowly; whoever does not take the answer is cut, so
that nobody can by hearing nothing slowly. What HTTP itself refuses has the same body as every other refusal. Bodies are
bounded in ``access.py``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import struct
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.request_id import choose_request_id
from api.settings import Settings

log = logging.getLogger("tawny")

SLOWEST = 4096
"""Bytes a second that a client must take of an answer, where so many wait."""
TOO_LONG = "The head of the request is longer than TAWNY_MAX_HEADER_BYTES allows"


class Connection(H11Protocol):
    """One client's connection. A head that does not become whole in time, or is too long, ends it."""

    header_seconds = 15.0
    answer_seconds = 60.0
    max_header_bytes = 32 * 1024
    max_connections = 512
    _deadline: asyncio.TimerHandle | None = None
    _looking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start counting the time of the first head; refuse one connection too many."""
        super().connection_made(transport)
        self._look(0, 0)
        if len(self.connections) > self.max_connections:
            self._end(503, "The server has as many connections as TAWNY_MAX_CONNECTIONS allows; try again in a moment")
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Read; the time of a head runs from its first byte, and further bytes do not prolong it."""
        if self.transport.is_closing():
            return
        # h11 measures a head only while it is incomplete, so one that arrives in a single piece is measured here.
        fresh = self.conn.their_state is h11.IDLE and len(data) > self.max_header_bytes
        if fresh and data.find(b"\r\n\r\n", 0, self.max_header_bytes) < 0:
            self._end(431, TOO_LONG)
            return
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting."""
        self._unwatch()
        if self._looking is not None:
            self._looking.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, in the body of every other refusal."""
        error = sys.exc_info()[1]
        hint = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        self._end(hint, TOO_LONG if hint == 431 else msg)

    def _look(self, waited: int, taken: int) -> None:
        """See whether the client has taken enough of what ``waited`` when it had ``taken`` so much; look again later.

        An answer that nobody reads blocks the application at best, and in any case lies in memory: also after its end,
        when the server thinks it is rid of it.
        """
        now = acknowledged(self.transport)
        if now is None:
            return
        if now - taken < min(waited, SLOWEST * self.answer_seconds):
            log.info("a client that took %d bytes of its answer in %g s is cut", now - taken, self.answer_seconds)
            self.transport.abort()
            return
        waits = self.transport.get_write_buffer_size()
        self._looking = self.loop.call_later(self.answer_seconds, self._look, waits, now)

    def _watch(self) -> None:
        # What still comes of a body after its answer is read by nobody, and has the time of a head to end.
        useless = self.conn.their_state is h11.SEND_BODY and self.conn.our_state in (h11.DONE, h11.MUST_CLOSE)
        if not (self.conn.their_state is h11.IDLE or useless) or self.transport.is_closing():
            self._unwatch()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.header_seconds, self._late)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self._end(408, "The head of the request did not arrive in time; see TAWNY_HEADER_SECONDS")

    def _end(self, status: int, message: str) -> None:
        """Answer as far as that is still possible, and close."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(refusal(status, message))
        self.transport.close()


def acknowledged(transport: asyncio.Transport) -> int | None:
    """Return how many bytes the other end has taken: ``tcpi_bytes_acked`` of Linux' tcp(7). None where nobody knows.

    What the kernel has merely accepted says nothing: its buffer holds megabytes.
    """
    connection = transport.get_extra_info("socket")
    try:
        return int(struct.unpack_from("=Q", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 128), 120)[0])
    except (OSError, struct.error):
        return None  # it is gone, or no TCP


def refusal(status: int, message: str) -> bytes:
    """Return a whole response, for where no application is in reach."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    codes = {400: "invalid_request", 503: "busy"}
    known = HTTPStatus(status)
    told = {"message": message, "type": kind, "param": None, "code": codes.get(status, known.name.lower())}
    body = json.dumps({"error": told}).encode()
    retry = "retry-after: 5\r\n" if status == 503 else ""
    head = (
        f"HTTP/1.1 {status} {known.phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"x-request-id: {choose_request_id()}\r\ncache-control: no-store\r\n{retry}connection: close\r\n\r\n"
    )
    return head.encode() + body


_LIMITS = ("header_seconds", "answer_seconds", "max_header_bytes", "max_connections")


class Server(uvicorn.Server):
    """uvicorn's server, which on a signal closes its door last."""

    def __init__(
        self, config: uvicorn.Config, grace: float, on_stop: Callable[[], None], at_work: Callable[[], bool]
    ) -> None:
        super().__init__(config)
        self._grace = grace
        self._on_stop = on_stop
        self._at_work = at_work

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """Refuse new work, wait for what runs, then close."""
        self._on_stop()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._grace
        while (self.server_state.tasks or self._at_work()) and not self.force_exit and loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # uvicorn tells nobody when its tasks change
        await super().shutdown(sockets)


def make_server(app: Any, settings: Settings, on_stop: Callable[[], None], at_work: Callable[[], bool]) -> Server:
    """Return a server of ``app`` with the limits of ``settings``.

    ``on_stop`` is called once at a signal, and ``at_work`` then tells whether there is work that no connection waits
    for.
    """
    limits = {name: getattr(settings, name) for name in _LIMITS}
    config = uvicorn.Config(
        app,
        http=type("LimitedConnection", (Connection,), limits),
        ws="none",
        h11_max_incomplete_event_size=settings.max_header_bytes,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,  # what runs has had its grace by then
    )
    return Server(config, settings.grace_seconds, on_stop, at_work)
