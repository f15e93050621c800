"""Edits that outlive their connection: send one, look after it, hear of it as it goes, take the picture, forget it.

A job is accepted for good when the answer says so (202); no end of the server loses it after that. It belongs to the
key it was sent with, or without keys to everybody.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from api.deps import AS_FORM, WithRuntime, WithSettings
from api.editing import admit_edit, edit_answer
from api.errands import Errands
from api.forms import EditForm
from api.ledger import COMPLETED, FAILED, Entry
from api.rendering import read_size, wished_format
from api.settings import Settings
from api.streams import device_header, frame, model_header
from api.voices import find_voice
from inference.engines import Inpainter, Parser, Transcriber
from inference.errors import InvalidRequest, NotFinished
from inference.operations import check_plan, engines_of
from inference.runtime import EditRequest, Runtime

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

_REPEAT_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def errands_of(request: Request) -> Errands:
    """Return the kept jobs of the app that serves ``request``."""
    return cast(Errands, request.app.state.errands)


def caller_of(request: Request) -> str:
    """Return the name of the key that the request was sent with, "" where there are no keys."""
    return cast(str | None, request.scope.get("tawny.key")) or ""


WithErrands = Annotated[Errands, Depends(errands_of)]
WithCaller = Annotated[str, Depends(caller_of)]


@router.post("", status_code=202, dependencies=AS_FORM)
async def accept(
    form: Annotated[EditForm, Depends()],
    runtime: WithRuntime,
    settings: WithSettings,
    errands: WithErrands,
    caller: WithCaller,
    idempotency_key: Annotated[str | None, Header(description="Sent twice, it is one job")] = None,
) -> Response:
    """Accept an edit, with the fields of ``/v1/images/edits``, to be done whether or not anybody waits.

    ``stream`` means nothing here; its events are there for whoever asks. What can be refused is refused now, with the
    status that the edit would have had.
    """
    if idempotency_key is not None and _REPEAT_KEY.fullmatch(idempotency_key) is None:
        raise InvalidRequest("Idempotency-Key: up to 255 visible ASCII characters", param="idempotency-key")
    read_size(form.size, settings)
    plain, files, digest = await errands.luggage.read(form)
    plain["stream"] = False
    if form.answer_voice:
        plain["answer_voice"] = await run_in_threadpool(find_voice, runtime, form.answer_voice)
    await _refuse_early(form, runtime, settings)
    entry = await errands.accept(plain, files, digest, caller, idempotency_key)
    return JSONResponse(_show(entry, errands, settings), 202, {"location": f"/v1/jobs/{entry.id}"})


@router.get("")
async def jobs(errands: WithErrands, settings: WithSettings, caller: WithCaller) -> dict[str, Any]:
    """List this key's jobs, the newest first, at most 100."""
    entries = await run_in_threadpool(errands.ledger.newest, caller)
    return {"object": "list", "data": [_show(entry, errands, settings) for entry in entries]}


@router.get("/{job_id}")
async def state(job_id: str, errands: WithErrands, settings: WithSettings, caller: WithCaller) -> dict[str, Any]:
    """Tell how a job stands: queued (and at which place), running, completed or failed (and why)."""
    return _show(await errands.find(job_id, caller), errands, settings)


@router.get("/{job_id}/result")
async def result(request: Request, job_id: str, errands: WithErrands, caller: WithCaller) -> Response:
    """Answer what the edit would have answered, as often as asked; 409 ``job_not_finished`` before."""
    entry = await errands.find(job_id, caller)
    if entry.result is None:
        raise NotFinished(f"The job is {entry.state}; ask again later, or listen to its events", param="job_id")
    if entry.state == FAILED:
        return JSONResponse(entry.result["body"], entry.result["status"])
    seeds, told = entry.result["seeds"], entry.result["told"]
    headers = device_header(entry.result["devices"]) | model_header(entry.result.get("models", {}))
    if wished_format(request.headers.get("accept", "")) is not None and len(seeds) == 1:
        picture = await errands.picture(entry.id, 0)
        headers["x-tawny-seed"] = str(seeds[0])
        return Response(picture, media_type=f"image/{told['output_format']}", headers=headers)
    pictures = [(await errands.picture(entry.id, number), seed) for number, seed in enumerate(seeds)]
    answer = {"answer": entry.result["answer"]} if "answer" in entry.result else {}
    body = edit_answer(entry.finished or 0.0, pictures, entry.result["heard"], {**told, **answer})
    return JSONResponse(body, headers=headers)


@router.get("/{job_id}/events")
async def events(
    job_id: str,
    errands: WithErrands,
    caller: WithCaller,
    last_event_id: Annotated[str | None, Header(description="Go on after this one")] = None,
) -> Response:
    """Stream what happens to a job as server-sent events, from its beginning or after ``Last-Event-ID``.

    ``image_edit.queued`` with its place in the queue, then those of a streamed edit, ``image_edit.answer`` included.
    Where nothing more will come the answer is 204, which keeps a browser from asking again.
    """
    entry = await errands.find(job_id, caller)
    after = _read_number(last_event_id)
    if entry.settled and not await run_in_threadpool(errands.ledger.events, entry.id, after):
        return Response(status_code=204)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_frames(errands, entry.id, after), media_type="text/event-stream", headers=headers)


@router.delete("/{job_id}")
async def delete(job_id: str, errands: WithErrands, caller: WithCaller) -> dict[str, Any]:
    """Stop a job if it is under way, and forget it with its pictures."""
    entry = await errands.find(job_id, caller)
    await errands.delete(entry.id)
    return {"id": entry.id, "object": "job", "deleted": True}


async def _refuse_early(form: EditForm, runtime: Runtime, settings: Settings) -> EditRequest:
    """Decode everything and look for the engines, so that what is accepted can be done."""
    asked = await admit_edit(form, settings)
    needed: list[tuple[str, str | None]] = []
    if asked.sound is not None:
        needed.append((Transcriber.name, None))
    if asked.operations is None:
        needed.append((Parser.name, None))
    else:
        masked = asked.mask is not None
        check_plan(asked.operations, masked=masked)
        for engine in engines_of(asked.operations, masked=masked):
            needed.append((engine.name, asked.model if engine is Inpainter else None))
    for name, model in needed:
        await run_in_threadpool(runtime.prepare, name, model, require_gpu=asked.require_gpu)
    return asked


def _show(entry: Entry, errands: Errands, settings: Settings) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": entry.id,
        "object": "job",
        "status": entry.state,
        "created_at": entry.created,
        "started_at": entry.started,
        "finished_at": entry.finished,
        "expires_at": None if entry.finished is None else entry.finished + settings.keep_job_seconds,
        "attempts": entry.attempts,
        "seed": entry.fields["seed"],
        "queue_position": errands.position(entry.id),
        "error": None,
    }
    if entry.state == FAILED and entry.result is not None:
        told["error"] = entry.result["body"]["error"]
    if entry.state == COMPLETED and entry.result is not None:
        told |= {**entry.result["told"], "result": f"/v1/jobs/{entry.id}/result"}
    return told


async def _frames(errands: Errands, job: str, after: int) -> AsyncIterator[bytes]:
    async for event in errands.events(job, after):
        if event is None:
            yield b": still working\n\n"
            continue
        number, name, data = event
        yield (b"" if number is None else f"id: {number}\n".encode()) + frame(name, data)


def _read_number(text: str | None) -> int:
    if text is None or not text.strip():
        return 0
    if not text.strip().isascii() or not text.strip().isdecimal() or len(text.strip()) > 15:
        raise InvalidRequest("Last-Event-ID: is no number that an event of a job has had", param="last-event-id")
    return int(text)
