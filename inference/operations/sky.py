"""Finds the sky in a photograph with arithmetic alone, or says that it cannot.

A sky touches the upper edge, is smooth, and ends where the first strong edge below begins. Which edge counts as strong
is chosen so that what is above and what is below are each as uniform as can be (the measure of Shen and Wang, "Sky
Region Detection in a Single Image for Autonomous Ground Robot Navigation", 2013). What lies sideways behind a tower or
a branch is added by colour. The result must then look like a sky: bluish or bright grey, wide, not textured. Orange
skies and skies behind dense branches are not found; a plain pale wall can be taken for one, which only matters
to somebody who calls it sky.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference.errors import MaskRequired
from inference.pictures import flatten

Floats = npt.NDArray[np.float32]
Marks = npt.NDArray[np.bool_]

_SIDE = 256
_THRESHOLDS = range(4, 30, 2)
_MOST_DROP = 36
_LEAST_AREA = 0.03
_LEAST_COLUMNS = 0.5


def find_sky(image: Image.Image) -> Image.Image:
    """Return a mask (L, 0 and 255) of the sky of ``image`` (RGB or RGBA, any size). Raises `MaskRequired` for none."""
    small = flatten(image.resize(_shrink(image.size), Image.Resampling.BOX, reducing_gap=2.0))
    rgb: Floats = np.asarray(small).astype(np.float32)
    sky = _split(rgb, _edges(rgb))
    if sky is None or not _looks_like_sky(rgb, sky):
        raise MaskRequired("No sky was found in this picture. Send a mask that selects what to change", param="mask")
    mask = Image.fromarray(np.where(sky, 255, 0).astype(np.uint8), "L")
    return mask.resize(image.size, Image.Resampling.BICUBIC).point(lambda value: 255 if value >= 128 else 0)


def _shrink(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1.0, _SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _edges(rgb: Floats) -> Floats:
    """Return per pixel the greatest step of any channel from the pixel above or to the left."""
    edges = np.zeros(rgb.shape[:2], np.float32)
    edges[1:] = np.abs(np.diff(rgb, axis=0)).max(axis=-1)
    edges[:, 1:] = np.maximum(edges[:, 1:], np.abs(np.diff(rgb, axis=1)).max(axis=-1))
    return edges


def _split(rgb: Floats, edges: Floats) -> Marks | None:
    """Return the best of the candidate skies, one per threshold, or None if no threshold splits the picture."""
    rows = np.arange(rgb.shape[0])[:, None]
    # Skies grow lighter towards the horizon; hazy hills and water have soft edges but are darker.
    light = rgb.mean(axis=-1)
    darker = np.maximum.accumulate(light, axis=0) - light > _MOST_DROP
    best: tuple[float, Marks] | None = None
    for threshold in _THRESHOLDS:
        strong = (edges > threshold) | darker
        ends = np.where(strong.any(axis=0), strong.argmax(axis=0), rgb.shape[0])
        sky: Marks = rows < ends
        if not _LEAST_AREA <= sky.mean() <= 0.98:
            continue
        disorder = 2 * _disorder(rgb[sky]) + _disorder(rgb[~sky])
        if best is None or disorder < best[0]:
            best = disorder, _grow_sideways(rgb, sky, edges <= threshold)
    return None if best is None else best[1]


def _disorder(pixels: Floats) -> float:
    if len(pixels) < 4:
        return float("inf")
    spread = np.cov(pixels.T) + np.eye(3)
    return float(np.linalg.det(spread) + np.linalg.eigvalsh(spread)[-1] ** 3)


def _grow_sideways(rgb: Floats, sky: Marks, smooth: Marks) -> Marks:
    """Add smooth pixels that touch the sky from the side and have the colour it has in their row."""
    count = np.maximum(sky.sum(axis=1), 1)[:, None]
    mean = (rgb * sky[..., None]).sum(axis=1) / count
    near = (np.abs(rgb - mean[:, None, :]).max(axis=-1) < 16) & (sky.mean(axis=1) > 0.15)[:, None]
    allowed = near & smooth
    grown = sky.copy()
    while True:
        wider = grown.copy()
        wider[:, 1:] |= grown[:, :-1]
        wider[:, :-1] |= grown[:, 1:]
        wider[1:] |= grown[:-1]
        wider = grown | (wider & allowed)
        if (wider == grown).all():
            return grown
        grown = wider


def _looks_like_sky(rgb: Floats, sky: Marks) -> bool:
    red, green, blue = (float(value) for value in np.median(rgb[sky], axis=0))
    bluish = blue > 1.12 * red and blue >= 0.98 * green and blue > 40
    pale = min(red, green, blue) > 150 and blue >= red - 8 and max(red, green, blue) - min(red, green, blue) < 50
    touches = float(sky[: max(1, len(sky) // 50)].any(axis=0).mean())
    texture = (
        float(np.abs(np.diff(rgb.mean(axis=-1), axis=1))[sky[:, 1:] & sky[:, :-1]].mean()) if sky.sum() > 8 else 9.0
    )
    return (bluish or pale) and touches >= _LEAST_COLUMNS and float(sky.mean()) >= _LEAST_AREA and texture < 4
