"""Lays the grain of its surroundings over what continues them too smoothly.

A small model continues gravel, fur or film grain as their mean colour. What is finer than it can paint is taken from
around the mask: the surroundings without their broad colours, cut into tiles that are laid softly over each other.
Where the continuation has as much fine structure as the surroundings (a large model's has), nothing changes.
It knows no model and no mask's origin.

    filled = match_grain(filled, mask, seed=7)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageFilter

from inference.operations.canvas import to_array
from inference.pictures import flatten

Plane = npt.NDArray[np.float32]

CONTEXT = 0.6
"""Grain is looked for so far around the mask, as a fraction of the longer side of its box ..."""
LEAST_CONTEXT = 48
"""... and at least so many pixels."""
FINENESS = 20
"""What is finer than so many parts of that box's longer side is grain."""
ENOUGH = 0.7
"""A continuation with this share of the surroundings' fine structure is left alone."""
MOST_PIXELS = 2_000_000
"""Of a larger part of the picture a smaller copy is worked on: bounded time and memory for slightly softer grain."""
QUIETEST = 0.3
"""Grain is taken from this share of the tiles."""
CHOICES = 3
"""Of so many tiles drawn by chance the nearest is laid."""


def match_grain(image: Image.Image, mask: Image.Image, *, seed: int) -> Image.Image:
    """Return ``image`` (RGB or RGBA) with grain where ``mask`` (L, 0 and 255, same size) selects, elsewhere as it is.

    The same input gives the same bytes. Where the surroundings have no grain, or too little of them is known to take
    some from, the picture comes back unchanged.
    """
    box = mask.getbbox()
    if box is None:
        return image
    longest = max(box[2] - box[0], box[3] - box[1])
    margin = max(LEAST_CONTEXT, round(CONTEXT * longest))
    region = (
        max(0, box[0] - margin),
        max(0, box[1] - margin),
        min(image.width, box[2] + margin),
        min(image.height, box[3] + margin),
    )
    part, chosen = image.crop(region), mask.crop(region)
    scale = min(1.0, math.sqrt(MOST_PIXELS / (part.width * part.height)))
    size = max(1, round(part.width * scale)), max(1, round(part.height * scale))
    colors = to_array(flatten(part.resize(size, Image.Resampling.BOX))).astype(np.float32)
    inside = to_array(chosen.resize(size, Image.Resampling.BOX)) > 0
    radius = max(2, round(longest * scale) // FINENESS)
    fine = _fine(colors, ~inside, radius)
    places, loudness = _quiet_tiles(fine, ~inside, 4 * radius)
    missing = _missing(loudness, float(np.sqrt(np.mean(_fine(colors, inside, radius)[inside] ** 2))))
    if missing <= 0:
        return image
    grain = missing * _scatter(fine, inside, places, 4 * radius, np.random.default_rng(seed))
    layer = Image.fromarray((128 + grain).clip(0, 255).round().astype(np.uint8), "RGB").resize(part.size)
    plain = part.convert("RGB")
    soft = chosen.filter(ImageFilter.BoxBlur(max(1, round(radius / scale) // 4)))
    weights = ImageChops.darker(soft.point(lambda value: max(0, 2 * value - 255)), chosen)
    grained = Image.composite(ImageChops.add(plain, layer, 1, -128), plain, weights)
    if part.mode == "RGBA":
        grained.putalpha(part.getchannel("A"))
    result = image.copy()
    result.paste(grained, region[:2])
    return result


def _fine(colors: Plane, known: npt.NDArray[np.bool_], radius: int) -> Plane:
    """Return ``colors`` (rows, columns, 3) less their local mean over what is ``known``; 0 elsewhere."""
    weights = known.astype(np.float32)[..., None]
    broad = _mean(_mean(colors * weights, radius), radius) / np.maximum(_mean(_mean(weights, radius), radius), 1e-3)
    return ((colors - broad) * weights).astype(np.float32)


def _mean(values: Plane, radius: int) -> Plane:
    """Return the mean of the square of ``radius`` around every pixel; what is beyond the edges counts as 0."""
    for axis in (0, 1):
        length = values.shape[axis]
        widths = [(0, 0)] * values.ndim
        widths[axis] = (1, 0)
        sums = np.cumsum(np.pad(values, widths), axis=axis, dtype=np.float64)
        high = np.minimum(np.arange(length) + radius + 1, length)
        low = np.maximum(np.arange(length) - radius, 0)
        values = ((sums.take(high, axis) - sums.take(low, axis)) / (2 * radius + 1)).astype(np.float32)
    return values


def _missing(loudness: float, within: float) -> float:
    """Return which part of grain of that ``loudness`` (root mean square) makes what is ``within`` as loud: 0 to 1."""
    if loudness < 1 or within >= ENOUGH * loudness:
        return 0.0
    return float(np.sqrt(1 - (within / loudness) ** 2))


def _quiet_tiles(fine: Plane, known: npt.NDArray[np.bool_], tile: int) -> tuple[npt.NDArray[np.intp], float]:
    """Return (row, column) of the quieter tiles of which every pixel is known, and their root mean square.

    Among gravel all tiles are much the same; where some are far louder than others, those hold edges of things.
    """
    rows, columns = known.shape
    step = max(1, tile // 8)
    top, left = np.arange(0, rows - tile + 1, step)[:, None], np.arange(0, columns - tile + 1, step)[None]

    def total(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        sums = np.pad(values.cumsum(0, dtype=np.float64).cumsum(1), ((1, 0), (1, 0)))
        found: npt.NDArray[np.float64] = sums[top + tile, left + tile] - sums[top, left + tile]
        found += sums[top, left] - sums[top + tile, left]
        return found

    if top.size == 0 or left.size == 0:
        return np.empty((0, 2), np.intp), 0.0
    power = np.where(total(~known) < 0.5, total((fine**2).mean(-1)) / tile**2, np.inf)
    if not np.isfinite(power).any():
        return np.empty((0, 2), np.intp), 0.0
    chosen = power <= np.quantile(power[np.isfinite(power)], QUIETEST)
    return np.argwhere(chosen) * step, float(np.sqrt(power[chosen].clip(min=0).mean()))


def _scatter(
    fine: Plane, inside: npt.NDArray[np.bool_], places: npt.NDArray[np.intp], tile: int, rng: np.random.Generator
) -> Plane:
    """Lay tiles of ``fine`` over the rows and columns where ``inside`` is, each overlapping its neighbours by half."""
    half = tile // 2
    grain = np.zeros((inside.shape[0] + 2 * tile, inside.shape[1] + 2 * tile, 3), np.float32)
    # Windows whose squares sum to one: uncorrelated tiles keep their strength where they overlap.
    window = np.sin(np.pi * (np.arange(tile, dtype=np.float32) + 0.5) / tile)
    weight = np.outer(window, window)[..., None]
    rows, columns = np.nonzero(inside.any(1))[0], np.nonzero(inside.any(0))[0]
    for top in range(int(rows[0]) - half, int(rows[-1]) + 1, half):
        for left in range(int(columns[0]) - half, int(columns[-1]) + 1, half):
            drawn = places[rng.integers(len(places), size=CHOICES)]
            row, column = drawn[((drawn - (top, left)) ** 2).sum(1).argmin()]
            grain[top + tile : top + 2 * tile, left + tile : left + 2 * tile] += (
                fine[row : row + tile, column : column + tile] * weight
            )
    return grain[tile:-tile, tile:-tile]
