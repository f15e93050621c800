"""The one place where the parts meet: settings, runtime, layers, routes.

app = create_app(read())                              # with the engines of this machine
app = create_app(Settings(), runtime=runtime)         # a test's own
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.access import BodyLimit, HostCheck, KeyCheck
from api.errands import Errands, running
from api.journal import Journal, JournalMiddleware
from api.problems import answer, from_validation, refuse
from api.routes import ROUTERS
from api.routes.system import VERSION
from api.settings import Settings
from inference.errors import TawnyError
from inference.runtime import Runtime

log = logging.getLogger("tawny")

FORM_LIMITS: Any = {"max_fields": 64, "max_files": 16, "max_part_size": 1024 * 1024}
"""More fields than any client sends; text past a megabyte in one field is no text."""


def create_app(settings: Settings, runtime: Runtime | None = None) -> FastAPI:
    """Return the application. Without a ``runtime`` it makes one; in either case closing the app closes it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(running(app.state.errands))
            if settings.wyoming_stt_port or settings.wyoming_tts_port:
                from api.wyoming.server import listening  # who has no such port need not have the package

                await stack.enter_async_context(listening(settings, app.state.runtime))
            yield
        # The server has given what runs its grace; what still runs now is told to stop.
        log.info("ending every engine")
        await run_in_threadpool(app.state.runtime.close, 0.0)

    app = FastAPI(
        title="Tawny",
        version=VERSION,
        summary="Edit pictures by words, hear and speak: all on this machine.",
        # Its pages of documentation load scripts from other people's servers; the description itself stays.
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        form_limits=FORM_LIMITS,
    )
    # uvicorn's own access log writes queries, which may hold words of a person.
    logging.getLogger("uvicorn.access").disabled = True
    app.state.settings = settings
    app.state.runtime = runtime or Runtime(settings.for_inference())
    app.state.errands = Errands(settings, app.state.runtime)
    app.state.journal = Journal()
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(TawnyError, _tell_error)
    app.add_exception_handler(RequestValidationError, _tell_invalid)
    app.add_exception_handler(HTTPException, _tell_http)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, limit=settings.max_upload_bytes, seconds=settings.body_seconds)
    app.add_middleware(KeyCheck, settings=settings)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST", "DELETE"],
            # Any, since clients send their own (the `openai` package a dozen x-stainless-...); no cookie is ever read.
            allow_headers=["*"],
            expose_headers=[
                "x-request-id",
                "x-tawny-device",
                "x-tawny-model",
                "x-tawny-seed",
                "x-tawny-voice",
                "retry-after",
            ],
        )
    app.add_middleware(HostCheck, settings=settings)
    app.add_middleware(JournalMiddleware, journal=app.state.journal)
    return app


async def _tell_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, TawnyError)
    return answer(error)


async def _tell_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return answer(from_validation(error))


async def _tell_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return refuse(404, f"There is no {request.method} {request.url.path} here; /openapi.json lists what there is")
    headers = dict(error.headers or {})
    if error.status_code == 405:
        allowed = headers.get("Allow") or headers.get("allow") or "another method"
        return refuse(405, f"{request.url.path} does not take {request.method}, only {allowed}", headers=headers)
    return refuse(error.status_code, str(error.detail), headers=headers)
