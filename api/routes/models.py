"""Models: what there is, load one before its first use, unload one. OpenAI's list with fields of ours added."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from api.deps import WithRuntime
from api.streams import device_header, settled
from inference.runtime import Runtime

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("")
async def models(runtime: WithRuntime, all: bool = False) -> dict[str, Any]:  # noqa: A002 - the query's own name
    """List the models that can be used; with ``all=true`` the whole catalogue, ``state`` telling what is missing."""
    rows = await run_in_threadpool(runtime.models)
    return {"object": "list", "data": [_model(row) for row in rows if all or row["state"] == "ready"]}


@router.get("/{model_id}")
async def model(model_id: str, runtime: WithRuntime) -> dict[str, Any]:
    """Return one model of the catalogue; an alias gives the model it stands for."""
    return await run_in_threadpool(_find, runtime, model_id)


@router.post("/{model_id}/load")
async def load(request: Request, model_id: str, runtime: WithRuntime) -> Response:
    """Load a model now; answers when it is loaded."""
    found = await run_in_threadpool(_find, runtime, model_id)
    job = runtime.load(found["id"])
    await settled(request, job)
    return JSONResponse({"id": found["id"], "loaded": True}, headers=device_header(job.devices))


@router.post("/{model_id}/unload")
async def unload(model_id: str, runtime: WithRuntime) -> dict[str, Any]:
    """End the model's process; ``unloaded`` is false if it was not loaded, and 409 says that it is at work."""
    found = await run_in_threadpool(_find, runtime, model_id)
    return {"id": found["id"], "unloaded": await run_in_threadpool(runtime.unload, found["id"])}


def _find(runtime: Runtime, name: str) -> dict[str, Any]:
    wanted = runtime.catalogue.row(name).id
    return next(_model(row) for row in runtime.models() if row["id"] == wanted)


def _model(row: dict[str, Any]) -> dict[str, Any]:
    # "created" is when OpenAI made a model, which nobody knows of these; clients only need it to be there.
    return {"object": "model", "created": 0, "owned_by": "tawny", **row}
