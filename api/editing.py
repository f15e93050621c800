"""An edit between its form and its answer: what a form asks for, and how the work and its end are told.

    asked = await admit_edit(form, settings)
    telling = Telling(choose)                      # events of the job -> server-sent events

The same for an edit that somebody waits for and for a job that is kept.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool

from api.answers import Answer
from api.deps import admit_masked, admit_plan, admit_sound, admit_text, the_only
from api.forms import EditForm
from api.rendering import Rendering
from api.settings import Settings
from api.streams import Named, base64_text
from inference.errors import InvalidRequest
from inference.events import Began, Event, Planned, Preview, Queued, Step
from inference.loras import find_loras
from inference.runtime import EditRequest, EditResult

_NOTHING_BILLED = {
    "input_tokens": 0,
    "output_tokens": 0,
    "total_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
}
"""OpenAI's field for its bill, which typed clients insist on. Nobody counts here."""


async def admit_edit(form: EditForm, settings: Settings) -> EditRequest:
    """Check every field and decode every upload; the cheap checks first."""
    if form.stream and form.n > 1:
        raise InvalidRequest("n: a stream carries one picture; ask for one, or without stream", param="n")
    command = admit_text(form.prompt, "prompt", settings)
    operations = admit_plan(form.operations)
    if operations is None and (command is None) == (form.audio is None):
        raise InvalidRequest("prompt: say what to change by one of prompt, audio and operations", param="prompt")
    negative = admit_text(form.negative_prompt, "negative_prompt", settings)
    loras = await run_in_threadpool(find_loras, form.lora or (), settings.models)
    image = the_only([*(form.image or ()), *(form.images or ())], "image")
    picture, mask = await admit_masked(image, form.mask, settings)
    # A plan outweighs a sentence: clients of OpenAI's package cannot leave the prompt out.
    sound = await admit_sound(form.audio, settings, "audio") if operations is None and form.audio is not None else None
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
        loras=loras,
        require_gpu=form.require_gpu or settings.require_gpu,
    )


def edit_answer(
    created: float, pictures: Sequence[tuple[bytes, int]], heard: Mapping[str, Any], told: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the JSON body of a finished edit: files with their seeds, what was heard, and what else is told."""
    data = [{"b64_json": base64_text(file), "seed": seed, **heard} for file, seed in pictures]
    return {"created": int(created), "data": data, **told}


class Telling:
    """Turns an edit's events into server-sent ones, whose names begin with ``kind``; remembers what is under way."""

    def __init__(
        self,
        choose: Callable[[EditResult | None], Rendering],
        answer: Answer | None = None,
        kind: str = "image_edit",
    ) -> None:
        self._choose = choose
        self._kind = kind
        self._answer = answer
        self._now = Began("", 0, 1)
        self._planned = kind != "image_edit"  # nothing else has a plan
        self._previews = itertools.count()

    async def translate(self, event: Event) -> Sequence[Named]:
        """Return what a client is told of ``event``: often nothing."""
        if isinstance(event, Planned):
            self._planned = True
            return [(f"{self._kind}.plan", {"operations": event.operations})]
        if not self._planned:
            # The plan comes before any progress. Who listens from the very beginning is told how long that waits.
            return [(f"{self._kind}.queued", {"queue_position": event.ahead})] if isinstance(event, Queued) else []
        if isinstance(event, Began):
            self._now = event
            return [self._progress(0, 1)]
        if isinstance(event, Step):
            return [self._progress(event.step, event.steps)]
        if isinstance(event, Queued):
            name, told = self._progress(0, 1)
            return [(name, {**told, "queue_position": event.ahead})]
        if isinstance(event, Preview):
            rendering = self._choose(None)
            data = await run_in_threadpool(rendering.show, event.image)
            size = f"{event.image.width}x{event.image.height}"
            told = {"partial_image_index": next(self._previews), **_picture(data, rendering, size)}
            return [(f"{self._kind}.partial_image", told)]
        return []

    async def finish(self, result: EditResult) -> Sequence[Named]:
        """Return the last event, after the spoken answer if one was asked for."""
        edited, rendering = result.pictures[0], self._choose(result)
        data, size = await run_in_threadpool(rendering.render, edited)
        told = {"operations": result.operations, "seed": edited.seed, "usage": _NOTHING_BILLED}
        completed = (f"{self._kind}.completed", {**_picture(data, rendering, size), **told})
        if self._answer is None:
            return [completed]
        return [(f"{self._kind}.answer", await self._answer.give(result.operations)), completed]

    def _progress(self, step: int, steps: int) -> Named:
        now = self._now
        fraction = (now.index + step / steps) / now.count
        told = {"operation": now.operation, "step": step, "steps": steps, "fraction": round(fraction, 4)}
        return f"{self._kind}.progress", told


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
