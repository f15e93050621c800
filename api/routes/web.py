"""The editor page: its files, as they lie in ``api/web/``, with the headers that keep foreign code out.

Only files found when the module is imported are served, by their exact names, so that no path can lead elsewhere. It
knows nothing of what the page does, and asks for no key: the page asks a person for it when the API wants one.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

router = APIRouter(include_in_schema=False)

FOLDER = Path(__file__).resolve().parent.parent / "web"

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What the page is made of. Said here because systems disagree, and a module of another type is not run."""

FILES = {path.relative_to(FOLDER).as_posix(): path for path in sorted(FOLDER.rglob("*")) if path.suffix in MEDIA_TYPES}

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
"""Nothing from another host, nothing inline, nothing evaluated; framed by nobody."""

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
    # Asked for again every time, answered by 304: an update of Tawny is an update of the page.
    "cache-control": "no-cache",
}


@router.api_route("/", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    """Answer with the page."""
    return await _serve(request, "index.html")


@router.api_route("/web/{name:path}", methods=["GET", "HEAD"])
async def file(request: Request, name: str) -> Response:
    """Answer with a file of the page."""
    return await _serve(request, name)


async def _serve(request: Request, name: str) -> Response:
    path = FILES.get(name)
    if path is None:
        raise HTTPException(404)
    data = await run_in_threadpool(path.read_bytes)
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {**HEADERS, "etag": etag}
    known = request.headers.get("if-none-match", "")
    if etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=MEDIA_TYPES[path.suffix], headers=headers)
