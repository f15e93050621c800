"""Has a region of a picture repainted by the inpainter and puts it back, touching nothing else.

The region is the mask with some context, in one of a few shapes at the model's own resolution (every new tensor shape
costs a GPU a search for kernels). What comes back is scaled, and laid over the original with a soft edge that lies
inside the mask: outside it every pixel stays bit for bit, and alpha stays everywhere. Work and memory beyond the
picture itself depend on the region, not on the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from inference.engines.inpainter import Inpainter
from inference.errors import MaskMismatch
from inference.events import Event, Preview
from inference.jobs import Job
from inference.operations.canvas import PaintOptions, to_array
from inference.operations.grain import match_grain
from inference.pictures import flatten

Box = tuple[int, int, int, int]

CONTEXT = 0.35
"""Shown to the model on each side of the mask, as a fraction of its longer side ..."""
LEAST_CONTEXT = 32
"""... and at least so many pixels."""
FEATHER = 8
"""Widest soft edge in pixels of the model; a small model, whose pixels are large, gets a 32nd of its side."""
PREVIEW = 1024
"""Longest side of a picture of the work in progress."""
GROWTH = 4
"""The model repaints so many of its pixels more than the mask, so that none of its 8x8 latents is torn by an edge."""


def shapes(resolution: int) -> tuple[tuple[int, int], ...]:
    """Return the (width, height) such a model is asked for: its square, and from 512 on about 3:2 and 2:3, too."""
    square = (resolution, resolution)
    if resolution < 512:
        return (square,)
    long, short = resolution * 19 // 16 // 8 * 8, resolution * 13 // 16 // 8 * 8
    return square, (long, short), (short, long)


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture and the shape in which the model sees it.

    The part may reach beyond a picture that is narrower than the shape's ratio; what is beyond repeats its edge.
    """

    x: int
    y: int
    width: int
    height: int
    shape: tuple[int, int]
    visible: Box
    """What of it lies in the picture, in the picture's pixels."""

    @property
    def inner(self) -> Box:
        """`visible` in the model's pixels, at least one each way."""
        across, down = self.shape[0] / self.width, self.shape[1] / self.height
        left = min(int((self.visible[0] - self.x) * across + 0.5), self.shape[0] - 1)
        top = min(int((self.visible[1] - self.y) * down + 0.5), self.shape[1] - 1)
        right = min(int((self.visible[2] - self.x) * across + 0.5), self.shape[0])
        bottom = min(int((self.visible[3] - self.y) * down + 0.5), self.shape[1])
        return left, top, max(right, left + 1), max(bottom, top + 1)


def choose_region(box: Box, size: tuple[int, int], resolution: int) -> Region:
    """Return the region around ``box`` (left, top, right, bottom) of a picture of ``size``."""
    margin = max(LEAST_CONTEXT, round(CONTEXT * max(box[2] - box[0], box[3] - box[1])))
    left, top = max(0, box[0] - margin), max(0, box[1] - margin)
    right, bottom = min(size[0], box[2] + margin), min(size[1], box[3] + margin)
    ratio = (right - left) / (bottom - top)
    shape = min(shapes(resolution), key=lambda shape: abs(math.log(ratio * shape[1] / shape[0])))
    scale = max((right - left) / shape[0], (bottom - top) / shape[1])
    width, height = max(right - left, round(shape[0] * scale)), max(bottom - top, round(shape[1] * scale))
    x, y = _place((left + right) // 2, width, size[0]), _place((top + bottom) // 2, height, size[1])
    visible = (max(0, x), max(0, y), min(size[0], x + width), min(size[1], y + height))
    return Region(x, y, width, height, shape, visible)


def _place(middle: int, length: int, whole: int) -> int:
    return (whole - length) // 2 if length > whole else min(max(middle - length // 2, 0), whole - length)


def paint(
    image: Image.Image,
    mask: Image.Image,
    prompt: str,
    job: Job[Any],
    options: PaintOptions,
    *,
    strength: float = 1.0,
    avoid: str = "",
    adding: bool = False,
) -> Image.Image:
    """Repaint what ``mask`` (L, 0 and 255, same size) selects of ``image`` (RGB or RGBA) and return the whole picture.

    ``strength`` is what the operation wants where the request says nothing; ``avoid`` is put before the request's
    negative prompt. ``adding`` keeps of the picture what the model only continued, where it can tell.

    Raises `MaskMismatch` for an empty mask, and what the lease and the engine raise.
    """
    box = mask.getbbox()
    if box is None:
        raise MaskMismatch("There is nothing to paint: the mask selects nothing", param="mask")
    with job.lease(Inpainter, options.model) as inpainter:
        region = choose_region(box, image.size, int(inpainter.choice.weights.options.get("resolution", 512)))

        def compose(event: Event) -> None:
            if isinstance(event, Preview):
                event = Preview(_reduce(_lay_over(image, mask, event.image, region)), event.index)
            job.report(event)

        painted = inpainter.heard_by(compose).call(
            Inpainter.inpaint,
            _show(image, region),
            _show_mask(mask, region, box),
            prompt,
            negative_prompt=", ".join(words for words in (avoid, options.negative_prompt) if words),
            steps=options.steps,
            guidance_scale=options.guidance_scale,
            strength=strength if options.strength is None else options.strength,
            seed=options.seed,
            previews=options.previews,
            loras=options.loras,
            cut_out=adding,
        )
    result = _lay_over(image, mask, painted, region)
    # Without a prompt what is there is to go on, its grain too, which a small model cannot paint.
    return result if prompt else match_grain(result, mask, seed=options.seed)


def _reduce(preview: Image.Image) -> Image.Image:
    """Bring a preview down to `PREVIEW`; a picture of many megapixels is not worth sending for a glance."""
    scale = PREVIEW / max(preview.size)
    if scale >= 1:
        return preview
    size = max(1, round(preview.width * scale)), max(1, round(preview.height * scale))
    return preview.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def _show(image: Image.Image, region: Region) -> Image.Image:
    """Cut the region out at the model's size: RGB, transparency over white, edges repeated where the picture ends."""
    left, top, right, bottom = region.inner
    part = flatten(
        image.resize((right - left, bottom - top), Image.Resampling.LANCZOS, box=region.visible, reducing_gap=3.0)
    )
    beyond = ((top, region.shape[1] - bottom), (left, region.shape[0] - right), (0, 0))
    return Image.fromarray(np.pad(to_array(part), beyond, mode="edge"), "RGB")


def _show_mask(mask: Image.Image, region: Region, box: Box) -> Image.Image:
    """Cut the mask out at the model's size, a little grown; never empty."""
    left, top, right, bottom = region.inner
    part = mask.resize((right - left, bottom - top), Image.Resampling.BOX, box=region.visible)
    shown = Image.new("L", region.shape, 0)
    shown.paste(part, (left, top))
    if shown.getbbox() is None:
        # Thinner than a pixel of the model: show where it is instead.
        across, down = region.shape[0] / region.width, region.shape[1] / region.height
        start = (int((box[0] - region.x) * across), int((box[1] - region.y) * down))
        end = (int((box[2] - 1 - region.x) * across), int((box[3] - 1 - region.y) * down))
        ImageDraw.Draw(shown).rectangle((start, end), fill=255)
    return shown.point(_any).filter(ImageFilter.BoxBlur(GROWTH)).point(_any)


def _any(value: int) -> int:
    return 255 if value else 0


def _lay_over(image: Image.Image, mask: Image.Image, painted: Image.Image, region: Region) -> Image.Image:
    """Return ``image`` with what was painted where the mask is, and only there is anything computed."""
    width = max(
        1,
        round(
            min(FEATHER, region.shape[0] // 32) * max(region.width / region.shape[0], region.height / region.shape[1])
        ),
    )
    box = _touched(mask, width, region.visible)
    part = image.crop(box)
    shown = painted.convert("RGB").crop(region.inner)
    left, top, right, bottom = region.visible
    across, down = shown.width / (right - left), shown.height / (bottom - top)
    source = (box[0] - left) * across, (box[1] - top) * down, (box[2] - left) * across, (box[3] - top) * down
    fresh = shown.resize(part.size, Image.Resampling.LANCZOS, box=source)
    weights = feather(mask.crop(box), width)
    if painted.mode == "RGBA":
        matte = painted.getchannel("A").crop(region.inner).resize(part.size, Image.Resampling.BICUBIC, box=source)
        weights = ImageChops.multiply(weights, matte)
    merged = Image.composite(fresh, part.convert("RGB"), weights)
    if part.mode == "RGBA":
        merged.putalpha(part.getchannel("A"))
    result = image.copy()
    result.paste(merged, box[:2])
    return result


def _touched(mask: Image.Image, width: int, within: Box) -> Box:
    """Return the box around the mask with so much room that its feather cannot tell it from the whole picture."""
    left, top, right, bottom = mask.getbbox() or within
    room = width + 1
    return (
        max(within[0], left - room),
        max(within[1], top - room),
        min(within[2], right + room),
        min(within[3], bottom + room),
    )


def feather(mask: Image.Image, width: int) -> Image.Image:
    """Return weights (L): 0 outside ``mask``, rising inside it to 255 at ``width`` pixels from its edge.

    The edge of the picture is no edge of the mask. A mask too thin for that gets a narrower edge, at last none.
    """
    inside = sum(mask.histogram()[128:])
    while width >= 1:
        weights = mask.filter(ImageFilter.BoxBlur(width)).point(lambda value: max(0, 2 * value - 255))
        weights = ImageChops.darker(weights, mask)
        if sum(level * count for level, count in enumerate(weights.histogram())) >= 0.5 * 255 * inside:
            return weights
        width //= 2
    return mask
