"""The machine: alive, able to serve, what runs where and why, and counters for Prometheus."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool

from api.deps import WithRuntime
from api.errands import Errands
from api.metrics import exposition
from api.problems import answer
from inference.engines import ENGINES
from inference.errors import TawnyError, Unavailable
from inference.runtime import Runtime

router = APIRouter(tags=["machine"])

VERSION = "0.1.0"

PACKAGES = (
    "torch", "diffusers", "transformers", "peft", "llguidance", "faster-whisper", "ctranslate2", "piper-tts",
    "onnxruntime", "fastapi", "pillow", "av",
)  # fmt: skip


@router.head("/health", include_in_schema=False)
@router.get("/health")
async def health() -> dict[str, str]:
    """Answer that the process is alive; asks for no key and says nothing else."""
    return {"status": "ok"}


@router.head("/ready", include_in_schema=False)
@router.get("/ready")
async def ready(runtime: WithRuntime) -> Response:
    """Answer 200 if every engine of the main job has a model to serve with, else 503 with what mends it."""
    lacking = await run_in_threadpool(_lacking, runtime)
    if lacking:
        return _not_ready(lacking)
    return JSONResponse({"status": "ready"})


def _lacking(runtime: Runtime) -> list[TawnyError]:
    errors = []
    for engine in ENGINES:
        if engine.optional:
            continue
        try:
            runtime.prepare(engine.name)
        except TawnyError as error:
            errors.append(error)
    return errors


def _not_ready(lacking: list[TawnyError]) -> Response:
    first = lacking[0]
    combined = (type(first) if isinstance(first, Unavailable) else Unavailable)(
        ". ".join(dict.fromkeys(error.message for error in lacking))
    )
    return answer(combined)


@router.get("/v1/status")
async def status(runtime: WithRuntime) -> dict[str, Any]:
    """Tell versions, what this machine is, and for each engine its model, state, device and the reason for it."""
    return {"versions": _versions(), **await run_in_threadpool(runtime.status)}


@cache
def _versions() -> dict[str, str | None]:
    """Return installed versions from their metadata; imports none of them."""
    found: dict[str, str | None] = {"tawny": VERSION, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request, runtime: WithRuntime) -> Response:
    """Count requests and describe engines in Prometheus' text format."""
    told = await run_in_threadpool(runtime.status)
    errands: Errands = request.app.state.errands
    slots, kept = runtime.pool.describe_slots(), {"waiting": errands.waiting, "running": errands.running}
    text = exposition(request.app.state.journal, runtime.pool.tally, told, slots, **kept)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
