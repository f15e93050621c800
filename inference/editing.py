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

from inference.engine import Weights
from inference.engines.inpainter import DEFAULT_GUIDANCE, DEFAULT_STEPS, Inpainter
from inference.events import Began
from inference.jobs import Job
from inference.loras import Lora
from inference.operations import Canvas, Operation, PaintOptions, apply_plan, describe_plan, engines_of
from inference.operations.painting import paint
from inference.pictures import Picture, flatten
from inference.sounds import Sound

VARIATION_STRENGTH = 0.7
"""How much of a picture a variation of it forgets, unless the request says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaintRequest:
    """How things are painted, by whom and how often; what edits and drawings have in common.

    ``n`` results are made with the seeds ``seed``, ``seed + 1`` and so on; without a seed the first is drawn at random.
    ``previews`` pictures of the work in progress are reported. The other fields have the meaning of
    `Inpainter.inpaint`; None is the model's own default.
    """

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

    @property
    def seeds(self) -> range:
        """One for each result; without a seed drawn anew at every call."""
        first = secrets.randbelow(2**31) if self.seed is None else self.seed
        return range(first, first + self.n)

    def options(self, seed: int) -> PaintOptions:
        """Return what it says to the painting of the result of ``seed``."""
        return PaintOptions(
            seed=seed,
            steps=self.steps,
            guidance_scale=self.guidance_scale,
            strength=self.strength,
            negative_prompt=self.negative_prompt,
            previews=self.previews,
            model=self.model,
            loras=self.loras,
        )


@dataclass(frozen=True, slots=True)
class EditRequest(PaintRequest):
    """What should change. Exactly one of ``command``, ``operations`` and ``sound`` (a spoken command) says it.

    ``mask`` is L, of the picture's size, 255 = edit here.
    """

    picture: Picture
    command: str | None = None
    operations: tuple[Operation, ...] | None = None
    sound: Sound | None = None
    mask: Image.Image | None = None


@dataclass(frozen=True, slots=True)
class DrawRequest(PaintRequest):
    """A picture of ``prompt``; with ``picture`` a variation of that one.

    ``size`` is width and height in pixels; None is the picture's own or, without one, the model's square.
    """

    prompt: str = ""
    picture: Picture | None = None
    size: tuple[int, int] | None = None


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


def carry_out(
    job: Job[Any], request: EditRequest, operations: tuple[Operation, ...], command: str | None
) -> EditResult:
    """Apply ``operations`` to the request's picture, ``n`` times with seeds that follow each other."""
    plan = describe_plan(operations)
    paints = Inpainter in engines_of(operations, masked=request.mask is not None)
    model = job.prepare(Inpainter, request.model).weights if paints else None
    edited: list[Edited] = []
    canvas: Canvas | None = None
    for seed in request.seeds:
        canvas = Canvas(request.picture.image, request.mask, request.options(seed), dpi=request.picture.dpi)
        canvas = apply_plan(canvas, operations, job)
        facts = {"command": command, "operations": list(plan), **_facts(job, request, seed, model)}
        edited.append(Edited(replace(request.picture, image=canvas.image, dpi=canvas.dpi), seed, facts))
    assert canvas is not None  # n is at least 1
    return EditResult(tuple(edited), plan, command, canvas.output_format, canvas.output_quality)


def draw(job: Job[Any], request: DrawRequest) -> EditResult:
    """Repaint all of an empty picture, or freely all of a given one, ``n`` times with seeds that follow each other."""
    model = job.prepare(Inpainter, request.model).weights
    side = int(model.options.get("resolution", 512))
    source = request.picture or Picture(Image.new("RGB", request.size or (side, side), "grey"))
    image = flatten(source.image)
    everything = Image.new("L", image.size, 255)
    strength = 1.0 if request.picture is None else VARIATION_STRENGTH
    drawn: list[Edited] = []
    for number, seed in enumerate(request.seeds):
        job.check()
        job.report(Began("generate", number, request.n))
        painted = paint(image, everything, request.prompt, job, request.options(seed), strength=strength)
        facts = {"prompt": request.prompt or None, **_facts(job, request, seed, model)}
        drawn.append(Edited(replace(source, image=painted), seed, facts))
    return EditResult(tuple(drawn), (), request.prompt or None, None, None)


def _facts(job: Job[Any], request: PaintRequest, seed: int, model: Weights | None) -> dict[str, Any]:
    """Return what is written into the file; with ``model``, what paints, also what it decided by itself."""
    defaults: Mapping[str, Any] = (
        {} if model is None else {"steps": DEFAULT_STEPS, "guidance_scale": DEFAULT_GUIDANCE, **model.options}
    )
    return {
        "seed": seed,
        "steps": request.steps or defaults.get("steps"),
        "guidance_scale": defaults.get("guidance_scale") if request.guidance_scale is None else request.guidance_scale,
        "strength": request.strength,
        "negative_prompt": request.negative_prompt or None,
        "loras": {lora.name: lora.weight for lora in request.loras} or None,
        "models": dict(job.models),
        "devices": dict(job.devices),
    }
