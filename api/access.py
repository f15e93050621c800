"""Who may come in: Host and Origin checks, the key, the size of the body. Plain ASGI layers around the routes.

They run before any body is read. None of them knows a route, except those that need no key: ``/health``, and the
files of the page, which must load before it can ask for one.

- Host: a web page can point its own domain at 127.0.0.1 and read answers as if they were its own (DNS rebinding);
  its requests carry its name in ``Host``, so only known names and, beyond loopback, plain addresses are served.
- Origin: a web page can send a form to 127.0.0.1 without reading the answer; browsers say so in ``Origin``.
- Key: compared in constant time.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import refuse
from api.settings import Settings

OPEN_PATHS = frozenset({"/health", "/"})
OPEN_FOLDER = "/web/"


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
        self.key = settings.api_key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] == "http" and self.key and not _is_open(scope["path"]):
            kind, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
            # Both sides as bytes: comparing texts that are not ASCII raises.
            matches = hmac.compare_digest(given.strip().encode(), self.key)
            if kind.lower() != "bearer" or not matches:
                message = "Send the server's key as 'Authorization: Bearer ...'; its operator has set TAWNY_API_KEY"
                await refuse(401, message, headers={"www-authenticate": "Bearer"})(scope, receive, send)
                return
        await self.app(scope, receive, send)


class BodyLimit:
    """Refuses bodies past ``limit`` bytes: at once if announced, else as soon as they pass it."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit
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
        seen = 0

        async def receive_counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.limit:
                raise HTTPException(413, self.message)
            return message

        await self.app(scope, receive_counted, send)

    async def _drain(self, receive: Receive) -> None:
        """Read and drop up to the limit: many clients read no answer while they are still writing."""
        seen = 0
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
