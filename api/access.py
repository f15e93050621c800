"""Who may come in: Host and Origin checks, the key, the size of the body. Plain ASGI layers around the routes.

They run before any body is read. None of them knows a route, except those that need no key: ``/health``, and the
files of the page, which must load before it can ask for one.

- Host: a web page can point its own domain at 127.0.0.1 and read answers as if they were its own (DNS rebinding);
  its requests carry its name in ``Host``, so only known names and, beyond loopback, plain addresses are served.
- Origin: a web page can send a form to 127.0.0.1 without reading the answer; browsers say so in ``Origin``.
- Key: compared in constant time; its name becomes the caller's label, without keys the client's address does.
- Body: bounded in bytes and in time.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.keys import KeyRing
from api.problems import refuse
from api.settings import Settings
from inference.labels import CALLER

OPEN_PATHS = frozenset({"/health", "/"})
OPEN_FOLDER = "/web/"
SLOWEST = 256
"""Bytes a second that a body must bring: a third of the thinnest recording of speech, Opus at 6 kbit/s."""


def hosts_of(settings: Settings) -> frozenset[str]:
    """Return the names under which the server may be addressed, in lower case."""
    names = {"localhost", "127.0.0.1", "::1", settings.host.strip("[]").lower()}
    if not settings.loopback:
        own = socket.gethostname().lower()
        names |= {own, f"{own}.local"}
    return frozenset(names | {name.lower() for name in settings.allowed_hosts})


class HostCheck:
    """Refuses requests that are addressed to a name that is not ours, or sent by a foreign web page."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.hosts = hosts_of(settings)
        self.addresses = not settings.loopback
        self.origins = frozenset(origin.rstrip("/").lower() for origin in settings.cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] == "http" and (refusal := self._refuse(Headers(scope=scope))) is not None:
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _refuse(self, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        name = _name(host)
        if name is None or not (name in self.hosts or (self.addresses and _is_address(name))):
            message = "This server does not answer to that Host. Its operator can add the name to TAWNY_ALLOWED_HOSTS"
            return refuse(403, message, "host_not_allowed")
        origin = headers.get("origin")
        if origin is None or origin.lower() in self.origins or "*" in self.origins:
            return None
        if urlsplit(origin).netloc.lower() == host.lower():
            return None
        message = "This server does not serve that web page. Its operator can add the origin to TAWNY_CORS_ORIGINS"
        return refuse(403, message, "origin_not_allowed")


class KeyCheck:
    """Asks for ``Authorization: Bearer`` on every path but the open ones, if there is a key."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.ring = KeyRing(settings.api_key, Path(settings.api_keys_file) if settings.api_keys_file else None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        kind, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
        owner = self.ring.owner(given.strip()) if self.ring.asks and kind.lower() == "bearer" else None
        if self.ring.asks and owner is None and not _is_open(scope["path"]):
            message = "Send the server's key as 'Authorization: Bearer ...'; its operator has set TAWNY_API_KEY"
            await refuse(401, message, headers={"www-authenticate": "Bearer"})(scope, receive, send)
            return
        scope["tawny.key"] = owner
        client = scope.get("client")
        token = CALLER.set(owner or (client[0] if client else ""))
        try:
            await self.app(scope, receive, send)
        finally:
            CALLER.reset(token)


class BodyLimit:
    """Refuses bodies past ``limit`` bytes: at once if announced, else as soon as they pass it; and slow ones.

    Every ``seconds`` a body must bring `SLOWEST` bytes for each of them. It may take as long as it likes then: a
    microphone that is uploaded while it is spoken into takes as long as is spoken, whoever trickles is not waited for.
    """

    def __init__(self, app: ASGIApp, limit: int, seconds: float = 30.0) -> None:
        self.app = app
        self.limit = limit
        self.seconds = seconds
        self.message = f"The body is larger than {limit} bytes, which TAWNY_MAX_UPLOAD_BYTES allows"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        announced = headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > self.limit:
            if "expect" not in headers:
                await self._drain(receive)
            await refuse(413, self.message, headers={"connection": "close"})(scope, receive, send)
            return
        seen, whole = 0, False
        clock = asyncio.get_running_loop().time
        left, owed = self.seconds, self.seconds * SLOWEST

        async def receive_counted() -> Message:
            nonlocal seen, whole, left, owed
            if whole:
                return await receive()  # only the end of the connection is still to come, and may take its time
            asked = clock()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, left))
            except TimeoutError:
                late = "The body did not arrive in time; see TAWNY_BODY_SECONDS"
                raise HTTPException(408, late, {"connection": "close"}) from None
            seen += len(message.get("body", b""))
            if seen > self.limit:
                raise HTTPException(413, self.message)
            left -= clock() - asked  # only what the client takes counts, not what we do in between
            owed -= len(message.get("body", b""))
            if owed <= 0:  # a burst buys no more time than its share does
                left, owed = self.seconds, self.seconds * SLOWEST
            whole = not message.get("more_body", False)
            return message

        await self.app(scope, receive_counted, send)

    async def _drain(self, receive: Receive) -> None:
        """Read and drop up to the limit: many clients read no answer while they are still writing."""
        seen = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.seconds):
                while seen <= self.limit:
                    message = await receive()
                    seen += len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDER)


def _name(host: str) -> str | None:
    """Return the name or address in a Host header without port and brackets, lower case; None if malformed."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises where the port is no number
    except ValueError:
        return None
    if "@" in host or parts.path or parts.query or parts.fragment or not parts.hostname:
        return None
    return parts.hostname.rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
