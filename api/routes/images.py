"""Pictures: edit one by words, plain or streamed, and see the plan alone.

Fields of OpenAI's request that mean nothing here (``user``, ``quality``, ``background`` ...) are ignored, and so are
unknown ones: clients send what their vendor invents.
"""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.answers import Answer
from api.deps import AS_FORM, WithRuntime, WithSettings, admit_text
from api.editing import Telling, admit_edit, edit_answer
from api.forms import EditForm
from api.rendering import Rendering, choose_rendering, read_size, wished_format
from api.settings import Settings
from api.streams import EventStream, begun, device_header, model_header, settled
from api.voices import find_voice
from inference.engines import Inpainter
from inference.errors import InvalidRequest, Refused, TawnyError
from inference.events import Planned
from inference.jobs import Job
from inference.operations import check_plan, engines_of, parse_plan
from inference.runtime import EditRequest, EditResult, Runtime

router = APIRouter(prefix="/v1/images", tags=["pictures"])


class Command(BaseModel):
    """What to plan."""

    command: str = Field(description='Such as "add a dog and rotate right"')
    model: str | None = Field(None, description="A model that parses")
    require_gpu: bool = False


@router.post("/edits", dependencies=AS_FORM)
async def edit(
    request: Request, form: Annotated[EditForm, Depends()], runtime: WithRuntime, settings: WithSettings
) -> Response:
    """Change a picture as a sentence, a spoken sentence or a list of operations says.

    The answer is JSON, or the picture itself for ``Accept: image/*`` and ``n=1``, or with ``stream`` server-sent
    events: ``image_edit.plan``, any number of ``image_edit.progress`` and ``image_edit.partial_image``, with
    ``answer_voice`` one ``image_edit.answer``, then ``image_edit.completed`` or ``error``.
    """
    box = read_size(form.size, settings)
    wished = wished_format(request.headers.get("accept", ""))
    answer = await _answer(form, wished, runtime, settings)
    asked = await admit_edit(form, settings)
    job = runtime.edit(asked)
    if form.stream:
        # No picture is made before the plan is known and its engines are there, so that errors are still statuses.
        planned, events = await begun(request, job, Planned)
        headers = await _check_plan(job, planned, asked, runtime)
        telling = Telling(lambda result: _choose(form, result, box, wished), answer)
        return EventStream(job, events, telling.translate, telling.finish, headers)
    result = await settled(request, job)
    rendering = _choose(form, result, box, wished)
    files = [await run_in_threadpool(rendering.render, edited) for edited in result.pictures]
    headers = device_header(job.devices) | model_header(job.models)
    if wished is not None and form.n == 1:
        headers["x-tawny-seed"] = str(result.pictures[0].seed)
        return Response(files[0][0], media_type=f"image/{rendering.format}", headers=headers)
    # A spoken command is told as it was heard, in the field that OpenAI has for a prompt that is not the caller's.
    heard = {} if asked.sound is None else {"revised_prompt": result.command}
    pictures = [(data, edited.seed) for (data, _), edited in zip(files, result.pictures, strict=True)]
    told: dict[str, Any] = {
        "operations": result.operations,
        "output_format": rendering.format,
        "size": files[0][1],
    }
    if answer is not None:
        told["answer"] = await answer.give(result.operations)
    return JSONResponse(edit_answer(time.time(), pictures, heard, told), headers=headers)


async def _answer(form: EditForm, wished: str | None, runtime: Runtime, settings: Settings) -> Answer | None:
    """Return who will say what was done, if anybody; an unknown voice is refused before any work."""
    if not form.answer_voice:
        return None
    if wished is not None and not form.stream:
        raise InvalidRequest("answer_voice: a bare picture cannot carry it; leave Accept out", param="answer_voice")
    require_gpu = form.require_gpu or settings.require_gpu
    return Answer(runtime, await run_in_threadpool(find_voice, runtime, form.answer_voice), require_gpu=require_gpu)


@router.post("/plans")
async def plan(request: Request, body: Command, runtime: WithRuntime, settings: WithSettings) -> Response:
    """Say which operations a command means, without a picture; 422 ``no_operation`` if none."""
    command = admit_text(body.command, "command", settings)
    if command is None:
        raise InvalidRequest("command: is empty", param="command")
    job = runtime.plan(command, body.model, require_gpu=body.require_gpu or settings.require_gpu)
    try:
        result = await settled(request, job)
    except Refused as error:
        if error.param in (None, "prompt"):
            error.param = "command"  # what other routes call the prompt
        raise
    answer = {
        "operations": result.operations,
        "model": result.model,
        "device": result.device,
        "seconds": round(result.seconds, 3),
    }
    return JSONResponse(answer, headers=device_header(job.devices) | model_header(job.models))


def _choose(form: EditForm, result: EditResult | None, box: tuple[int, int] | None, wished: str | None) -> Rendering:
    return choose_rendering(result, form.output_format, form.output_compression, box, wished)


async def _check_plan(
    job: Job[EditResult], planned: Planned | None, asked: EditRequest, runtime: Runtime
) -> dict[str, str]:
    """Return headers saying what runs where; raise what would stop the plan, while that can still be a status."""
    devices, models = dict(job.devices), dict(job.models)
    if planned is None:
        return device_header(devices) | model_header(models)
    try:
        operations, masked = parse_plan(list(planned.operations)), asked.mask is not None
        check_plan(operations, masked=masked)
        for engine in engines_of(operations, masked=masked):
            model = asked.model if engine is Inpainter else None
            choice = await run_in_threadpool(runtime.prepare, engine.name, model, require_gpu=asked.require_gpu)
            runtime.pool.check_room(engine, choice, job)
            devices[engine.name], models[engine.name] = choice.device.kind, choice.row.id
    except TawnyError:
        job.cancel()
        raise
    return device_header(devices) | model_header(models)
