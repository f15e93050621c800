"""Pictures: edit one by words, plain or streamed, and see the plan alone.

Fields of OpenAI's request that mean nothing here (``user``, ``quality``, ``background`` ...) are ignored, and so are
unknown ones: clients send what their vendor invents.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.answers import Answer
from api.deps import WithRuntime, WithSettings, admit_mask, admit_picture, admit_plan, admit_sound, admit_text, the_only
from api.forms import EditForm
from api.rendering import Rendering, choose_rendering, read_size, wished_format
from api.settings import Settings
from api.streams import EventStream, Named, base64_text, begun, device_header, settled
from api.voices import find_voice
from inference.engines import Inpainter
from inference.errors import InvalidRequest, TawnyError
from inference.events import Began, Event, Planned, Preview, Queued, Step
from inference.jobs import Job
from inference.operations import check_plan, engines_of, parse_plan
from inference.runtime import EditRequest, EditResult, Runtime

router = APIRouter(prefix="/v1/images", tags=["pictures"])

_NOTHING_BILLED = {
    "input_tokens": 0,
    "output_tokens": 0,
    "total_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
}
"""OpenAI's field for its bill, which typed clients insist on. Nobody counts here."""


class Command(BaseModel):
    """What to plan."""

    command: str = Field(description='Such as "add a dog and rotate right"')
    model: str | None = Field(None, description="A model that parses")
    require_gpu: bool = False


@router.post("/edits")
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
        devices = await _check_plan(job, planned, asked, runtime)
        telling = Telling(lambda result: _choose(form, result, box, wished), answer)
        return EventStream(job, events, telling.translate, telling.finish, device_header(devices))
    result = await settled(request, job)
    rendering = _choose(form, result, box, wished)
    files = [await run_in_threadpool(rendering.render, edited) for edited in result.pictures]
    headers = device_header(job.devices)
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


def edit_answer(
    created: float, pictures: Sequence[tuple[bytes, int]], heard: Mapping[str, Any], told: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the JSON body of a finished edit: files with their seeds, what was heard, and what else is told."""
    data = [{"b64_json": base64_text(file), "seed": seed, **heard} for file, seed in pictures]
    return {"created": int(created), "data": data, **told}


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
    result = await settled(request, job)
    answer = {
        "operations": result.operations,
        "model": result.model,
        "device": result.device,
        "seconds": round(result.seconds, 3),
    }
    return JSONResponse(answer, headers=device_header(job.devices))


async def admit_edit(form: EditForm, settings: Settings) -> EditRequest:
    """Check every field and decode every upload; the cheap checks first."""
    if form.lora:
        raise InvalidRequest("lora: adapters are not supported yet; leave the field out", param="lora")
    if form.stream and form.n > 1:
        raise InvalidRequest("n: a stream carries one picture; ask for one, or without stream", param="n")
    command = admit_text(form.prompt, "prompt", settings)
    operations = admit_plan(form.operations)
    if operations is None and (command is None) == (form.audio is None):
        raise InvalidRequest("prompt: say what to change by one of prompt, audio and operations", param="prompt")
    negative = admit_text(form.negative_prompt, "negative_prompt", settings)
    picture = await admit_picture(the_only([*(form.image or ()), *(form.images or ())], "image"), settings)
    mask = None if form.mask is None else await admit_mask(form.mask, picture, settings)
    # A plan outweighs a sentence: clients of OpenAI's package cannot leave the prompt out.
    sound = await admit_sound(form.audio, settings) if operations is None and form.audio is not None else None
    return EditRequest(
        picture,
        command=command if operations is None else None,
        operations=operations,
        sound=sound,
        mask=mask,
        n=form.n,
        seed=form.seed,
        steps=form.steps,
        guidance_scale=form.guidance_scale,
        strength=form.strength,
        negative_prompt=negative or "",
        previews=form.partial_images if form.stream else 0,
        model=form.model,
        require_gpu=form.require_gpu or settings.require_gpu,
    )


def _choose(form: EditForm, result: EditResult | None, box: tuple[int, int] | None, wished: str | None) -> Rendering:
    return choose_rendering(result, form.output_format, form.output_compression, box, wished)


class Telling:
    """Turns an edit's events into server-sent ones; remembers which operation is under way."""

    def __init__(self, choose: Callable[[EditResult | None], Rendering], answer: Answer | None = None) -> None:
        self._choose = choose
        self._answer = answer
        self._now = Began("", 0, 1)
        self._planned = False
        self._previews = itertools.count()

    async def translate(self, event: Event) -> Sequence[Named]:
        """Return what a client is told of ``event``: often nothing."""
        if isinstance(event, Planned):
            self._planned = True
            return [("image_edit.plan", {"operations": event.operations})]
        if isinstance(event, Began):
            self._now = event
            return [self._progress(0, 1)]
        if isinstance(event, Step):
            return [self._progress(event.step, event.steps)]
        if isinstance(event, Queued):
            # A plan comes before any progress; only who listens from the very beginning sees what was before it.
            if not self._planned:
                return [("image_edit.queued", {"queue_position": event.ahead})]
            name, told = self._progress(0, 1)
            return [(name, {**told, "queue_position": event.ahead})]
        if isinstance(event, Preview):
            rendering = self._choose(None)
            data = await run_in_threadpool(rendering.show, event.image)
            size = f"{event.image.width}x{event.image.height}"
            told = {"partial_image_index": next(self._previews), **_picture(data, rendering, size)}
            return [("image_edit.partial_image", told)]
        return []

    async def finish(self, result: EditResult) -> Sequence[Named]:
        """Return the last event, after the spoken answer if one was asked for."""
        edited, rendering = result.pictures[0], self._choose(result)
        data, size = await run_in_threadpool(rendering.render, edited)
        told = {"operations": result.operations, "seed": edited.seed, "usage": _NOTHING_BILLED}
        completed = ("image_edit.completed", {**_picture(data, rendering, size), **told})
        if self._answer is None:
            return [completed]
        return [("image_edit.answer", await self._answer.give(result.operations)), completed]

    def _progress(self, step: int, steps: int) -> Named:
        now = self._now
        fraction = (now.index + step / steps) / now.count
        told = {"operation": now.operation, "step": step, "steps": steps, "fraction": round(fraction, 4)}
        return "image_edit.progress", told


def _picture(data: bytes, rendering: Rendering, size: str) -> dict[str, Any]:
    """Return the fields that every picture in a stream has; the constant ones are there for typed clients."""
    return {
        "b64_json": base64_text(data),
        "created_at": int(time.time()),
        "size": size,
        "output_format": rendering.format,
        "quality": "auto",
        "background": "auto",
    }


async def _check_plan(
    job: Job[EditResult], planned: Planned | None, asked: EditRequest, runtime: Runtime
) -> dict[str, str]:
    """Return where the engines run; raise what would stop the plan, while that can still be a status."""
    devices = dict(job.devices)
    if planned is None:
        return devices
    try:
        operations, masked = parse_plan(list(planned.operations)), asked.mask is not None
        check_plan(operations, masked=masked)
        for engine in engines_of(operations, masked=masked):
            model = asked.model if engine is Inpainter else None
            choice = await run_in_threadpool(runtime.prepare, engine.name, model, require_gpu=asked.require_gpu)
            devices[engine.name] = choice.device.kind
    except TawnyError:
        job.cancel()
        raise
    return devices
