"""Operations that paint what was not there: generate, replace, remove, restyle, extend.

Where to paint is the mask of the request; without one it is the place the words name (`inference.operations.places`),
or where the thing is found that they name (`inference.operations.finding`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
from PIL import Image, ImageFilter
from pydantic import Field

from inference.engine import Engine
from inference.engines.inpainter import Inpainter
from inference.engines.segmenter import Segmenter
from inference.engines.subject_finder import SubjectFinder
from inference.jobs import Job
from inference.operations.canvas import Canvas, to_array
from inference.operations.finding import Looking
from inference.operations.operation import Operation, Words
from inference.operations.painting import paint
from inference.operations.places import draw_area, draw_spot, say_area, say_spot
from inference.operations.telling import say_thing, say_where, say_with_article

RESTYLE_STRENGTH = 0.6


class Generate(Operation):
    """Add something to the picture. The prompt keeps its article ("a dog").

    Where: left, right, top, bottom, center, top left, top right, bottom left, bottom right, background, foreground,
    sky, or the speaker's words ("on the man"). Not said, it is the lower middle.
    """

    op: Literal["generate"] = "generate"
    prompt: Words
    where: Words | None = None

    def told(self) -> str:
        return f"added {self.prompt}{say_where(self.where)}"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        mask = canvas.mask or draw_spot(canvas.image, self.where, self.prompt, Looking(canvas.image, job))
        return canvas.with_image(paint(canvas.image, mask, self.prompt, job, canvas.options, adding=True))

    def engines(self, *, masked: bool) -> tuple[type[Engine], ...]:
        return (Inpainter,) if masked or say_spot(self.where) is not None else (Segmenter, Inpainter)


class Replace(Operation):
    """Change a part of the picture into something else: a target such as "sky", and a prompt such as "a sunset"."""

    op: Literal["replace"] = "replace"
    target: Words
    prompt: Words

    def told(self) -> str:
        return f"turned {say_thing(self.target)} into {self.prompt}"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        mask = canvas.mask or draw_area(canvas.image, self.target, Looking(canvas.image, job))
        return canvas.with_image(paint(canvas.image, mask, self.prompt, job, canvas.options))

    def engines(self, *, masked: bool) -> tuple[type[Engine], ...]:
        return _engines_for(self.target, masked=masked)


class Remove(Operation):
    """Take something out of the picture and continue what is around it. The target has no article ("car")."""

    op: Literal["remove"] = "remove"
    target: Words

    def told(self) -> str:
        return f"removed {say_thing(self.target)}"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        mask = canvas.mask or draw_area(canvas.image, self.target, Looking(canvas.image, job))
        return canvas.with_image(paint(canvas.image, mask, "", job, canvas.options, avoid=self.target))

    def engines(self, *, masked: bool) -> tuple[type[Engine], ...]:
        return _engines_for(self.target, masked=masked)


class Restyle(Operation):
    """Repaint the whole picture in a style such as "watercolor painting"; strength in (0, 1] says how freely."""

    op: Literal["restyle"] = "restyle"
    prompt: Words
    strength: Annotated[float, Field(gt=0, le=1)] | None = None

    def told(self) -> str:
        return f"gave the picture {say_with_article(self.prompt)} look"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        mask = canvas.mask or Image.new("L", canvas.image.size, 255)
        options = canvas.options if self.strength is None else replace(canvas.options, strength=self.strength)
        return canvas.with_image(paint(canvas.image, mask, self.prompt, job, options, strength=RESTYLE_STRENGTH))

    def engines(self, *, masked: bool) -> tuple[type[Engine], ...]:
        return (Inpainter,)


class Extend(Operation):
    """Make the picture larger on one side or all, and paint what lies there; percent of the width or height, 25."""

    op: Literal["extend"] = "extend"
    side: Literal["left", "right", "top", "bottom", "all"]
    percent: Annotated[float, Field(ge=1, le=100)] = 25

    def told(self) -> str:
        places = {"left": "to the left", "right": "to the right", "top": "at the top", "bottom": "at the bottom"}
        return f"extended the picture {places.get(self.side, 'on all sides')}"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        width, height = canvas.image.size
        across, down = max(1, round(width * self.percent / 100)), max(1, round(height * self.percent / 100))
        left, right = (across if self.side in (side, "all") else 0 for side in ("left", "right"))
        top, bottom = (down if self.side in (side, "all") else 0 for side in ("top", "bottom"))
        canvas.check_size(width + left + right, height + top + bottom)
        size = (width + left + right, height + top + bottom)
        fresh = Image.new("L", size, 255)
        fresh.paste(0, (left, top, left + width, top + height))
        image = _grow(canvas.image, (left, top, right, bottom))
        mask = None
        if canvas.mask is not None:
            mask = Image.new("L", size, 0)
            mask.paste(canvas.mask, (left, top))
        return replace(canvas, image=paint(image, fresh, "", job, canvas.options), mask=mask)

    def engines(self, *, masked: bool) -> tuple[type[Engine], ...]:
        return (Inpainter,)


def _engines_for(target: str, *, masked: bool) -> tuple[type[Engine], ...]:
    area = say_area(target)
    if masked or area not in (None, "background", "subject"):
        return (Inpainter,)
    return (Segmenter if area is None else SubjectFinder, Inpainter)


def _grow(image: Image.Image, margins: tuple[int, int, int, int]) -> Image.Image:
    """Repeat the edges outwards and blur them: what the soft edge of the painting blends with. New parts are opaque."""
    left, top, right, bottom = margins
    pixels = np.pad(to_array(image.convert("RGB")), ((top, bottom), (left, right), (0, 0)), mode="edge")
    grown = Image.fromarray(pixels, "RGB").filter(ImageFilter.BoxBlur(max(2, max(margins) // 16)))
    grown = grown.convert(image.mode)
    grown.paste(image, (left, top))
    return grown
