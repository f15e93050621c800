"""What an edit and a drawing ask for and give, and how they are carried out once it is known what is to be done.

Hearing and planning are the runtime's part; here a plan meets a picture, once for each seed, and what was done to each
result is written down for its file.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from inference.engines.inpainter import Inpainter
from inference.events import Began
from inference.jobs import Job
from inference.loras import Lora
from inference.operations import Canvas, Operation, PaintOptions, apply_plan, describe_plan
from inference.operations.painting import paint
from inference.pictures import Picture, flatten
from inference.sounds import Sound

VARIATION_STRENGTH = 0.7
"""How much of a picture a variation of it forgets, unless the request says."""


@dataclass(frozen=True, slots=True)
class EditRequest:
    """What should change. Exactly one of ``command``, ``operations`` and ``sound`` (a spoken command) says it.

    ``mask`` is L, of the picture's size, 255 = edit here. ``n`` results are made with the seeds ``seed``,
    ``seed + 1`` and so on; without a seed the first is drawn at random. The painting fields have the meaning of
    `Inpainter.inpaint`; None is the model's own default. ``previews`` pictures of the work in progress are reported.
    """

    picture: Picture
    command: str | None = None
    operations: tuple[Operation, ...] | None = None
    sound: Sound | None = None
    mask: Image.Image | None = None
    n: int = 1
    seed: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    strength: float | None = None
    negative_prompt: str = ""
    previews: int = 0
    model: str | None = None
    loras: tuple[Lora, ...] = ()
    require_gpu: bool = False


@dataclass(frozen=True, slots=True)
class Edited:
    """One result. ``facts`` is what was done to it, for the file: operations, seed, models, devices."""

    picture: Picture
    seed: int
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EditResult:
    """All results and the plan in canonical form. ``format`` and ``quality`` are set where the plan converts."""

    pictures: tuple[Edited, ...]
    operations: tuple[dict[str, Any], ...]
    command: str | None
    format: str | None
    quality: int | None


@dataclass(frozen=True, slots=True)
class DrawRequest:
    """A picture of ``prompt``; with ``picture`` a variation of that one.

    ``size`` is width and height in pixels; None is the picture's own or, without one, the model's square. The other
    fields are those of `EditRequest`.
    """

    prompt: str = ""
    picture: Picture | None = None
    size: tuple[int, int] | None = None
    n: int = 1
    seed: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    strength: float | None = None
    negative_prompt: str = ""
    previews: int = 0
    model: str | None = None
    loras: tuple[Lora, ...] = ()
    require_gpu: bool = False


def carry_out(
    job: Job[Any], request: EditRequest, operations: tuple[Operation, ...], command: str | None
) -> EditResult:
    """Apply ``operations`` to the request's picture, ``n`` times with seeds that follow each other."""
    plan = describe_plan(operations)
    edited: list[Edited] = []
    canvas: Canvas | None = None
    for seed in _seeds(request):
        canvas = Canvas(request.picture.image, request.mask, _options(request, seed))
        canvas = apply_plan(canvas, operations, job)
        facts = {"command": command, "operations": list(plan), **_facts(job, request, seed)}
        edited.append(Edited(replace(request.picture, image=canvas.image), seed, facts))
    assert canvas is not None  # n is at least 1
    return EditResult(tuple(edited), plan, command, canvas.output_format, canvas.output_quality)


def draw(job: Job[Any], request: DrawRequest) -> EditResult:
    """Repaint all of an empty picture, or freely all of a given one, ``n`` times with seeds that follow each other."""
    side = int(job.prepare(Inpainter, request.model).weights.options.get("resolution", 512))
    source = request.picture or Picture(Image.new("RGB", request.size or (side, side), "grey"))
    image = flatten(source.image)
    everything = Image.new("L", image.size, 255)
    strength = 1.0 if request.picture is None else VARIATION_STRENGTH
    drawn: list[Edited] = []
    for number, seed in enumerate(_seeds(request)):
        job.check()
        job.report(Began("generate", number, request.n))
        painted = paint(image, everything, request.prompt, job, _options(request, seed), strength=strength)
        facts = {"prompt": request.prompt or None, "size": f"{image.width}x{image.height}"}
        drawn.append(Edited(replace(source, image=painted), seed, {**facts, **_facts(job, request, seed)}))
    return EditResult(tuple(drawn), (), request.prompt or None, None, None)


def _seeds(request: EditRequest | DrawRequest) -> range:
    first = secrets.randbelow(2**31) if request.seed is None else request.seed
    return range(first, first + request.n)


def _options(request: EditRequest | DrawRequest, seed: int) -> PaintOptions:
    return PaintOptions(
        seed=seed,
        steps=request.steps,
        guidance_scale=request.guidance_scale,
        strength=request.strength,
        negative_prompt=request.negative_prompt,
        previews=request.previews,
        model=request.model,
        loras=request.loras,
    )


def _facts(job: Job[Any], request: EditRequest | DrawRequest, seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "steps": request.steps,
        "guidance_scale": request.guidance_scale,
        "strength": request.strength,
        "negative_prompt": request.negative_prompt or None,
        "loras": {lora.name: lora.weight for lora in request.loras} or None,
        "models": dict(job.models),
        "devices": dict(job.devices),
    }
