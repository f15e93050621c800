"""Who asked what and how long it took: request ids, the access log, counters, and the last net under every request.

It writes method, path, status, seconds and bytes; never a query, a body, a prompt or a key. The id is the client's
own ``x-request-id`` if that is harmless, else a new one, and is on every response and in every line of the log that
the gateway writes for the request.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import answer, refuse
from api.request_id import REQUEST_ID, choose_request_id
from inference.errors import TawnyError

log = logging.getLogger("tawny.access")


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Journal:
    """Counts of what was answered, by method, route and status. Added to on the event loop only."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.seconds: Counter[tuple[str, str]] = Counter()

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        method = method if method in METHODS else "other"  # a client can invent as many as it likes
        self.requests[method, route, status] += 1
        self.seconds[method, route] += seconds  # type: ignore[assignment]


class JournalMiddleware:
    """The outermost layer: nothing leaves without an id, and no exception leaves at all."""

    def __init__(self, app: ASGIApp, journal: Journal, clock: Callable[[], float] = time.monotonic) -> None:
        self.app = app
        self.journal = journal
        self.clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = choose_request_id(Headers(scope=scope).get("x-request-id", ""))
        token = REQUEST_ID.set(request_id)
        started, status, size = self.clock(), 0, 0

        async def send_stamped(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                headers.setdefault("cache-control", "no-store")
                headers.setdefault("x-content-type-options", "nosniff")
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, send_stamped)
        except ClientDisconnect:
            status = status or 499
        except Exception as error:
            log.exception("%s broke", _line(scope))
            if status == 0:
                response = answer(error) if isinstance(error, TawnyError) else refuse(500, _apology(request_id))
                await response(scope, receive, send_stamped)
            else:
                # The head is out: cutting the connection is the only way left to say that the body is not whole.
                raise
        finally:
            seconds = self.clock() - started
            self.journal.note(scope["method"], _route(scope), status, seconds)
            whose = f" key={scope['tawny.key']}" if scope.get("tawny.key") else ""
            log.info("%s %d %.3f s %d bytes%s", _line(scope), status, seconds, size, whose)
            REQUEST_ID.reset(token)


def _apology(request_id: str) -> str:
    return f"Something broke in the server; its log says what, under {request_id}"


def _line(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or b"?"
    return f"{scope['method']} {raw.decode('latin-1')[:200]}"


def _route(scope: Scope) -> str:
    """Return the path's pattern, so that counters stay few whatever paths clients invent."""
    route: Any = scope.get("route")
    return getattr(route, "path", "other")
