"""Finds the ground in a photograph with arithmetic alone, or says that it cannot.

Ground is what touches the lower edge, lies below the horizon and goes on sideways: a meadow, a road, sand, snow, a
floor. Its colours are learned from the lowest strip; what has such colours and hangs together with the strip belongs
to it, up to where it becomes narrow: what rises from it is not of it, whatever its colour. The picture's subject, where
it is known, is left out. The result must then look like a ground: wide at the bottom, and not most of the picture.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from inference.errors import MaskRequired
from inference.operations.sky import find_sky
from inference.pictures import flatten

Floats = npt.NDArray[np.float32]
Marks = npt.NDArray[np.bool_]

_SIDE = 192
_STRIP = 0.06
_REACH = 2.0
"""How many deviations from the colours of the strip still count as ground."""
_SPREADS = ((14.0, 26.0), (7.0, 12.0), (7.0, 12.0))
"""Least and greatest deviation per channel of Lab; light and shade vary more over a ground than its hue does."""
_NARROW = 0.35
_LEAST_AREA = 0.04
_MOST_AREA = 0.75
_LEAST_BOTTOM = 0.6


def find_ground(image: Image.Image, subject: Image.Image | None = None) -> Image.Image:
    """Return a mask (L, 0 and 255) of the ground of ``image`` (RGB or RGBA) without ``subject`` (L, same size).

    Raises `MaskRequired` for none.
    """
    scale = min(1.0, _SIDE / max(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    small = flatten(image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)).filter(ImageFilter.MedianFilter(5))
    lab: Floats = np.asarray(small.convert("LAB")).astype(np.float32)
    lab[..., 1:] = (lab[..., 1:] + 128) % 256 - 128  # Pillow keeps the signed channels in unsigned bytes
    free = _below_horizon(image, size)
    if subject is not None:
        free = free & (np.asarray(subject.resize(size, Image.Resampling.BOX)) < 128)
    ground = _cut_spires(_join(_like_strip(lab, free) & free))
    height, width = ground.shape
    bottom = float(ground[-max(1, height // 30) :].any(axis=0).mean())
    if not (_LEAST_AREA <= ground.mean() <= _MOST_AREA and bottom >= _LEAST_BOTTOM and min(height, width) >= 16):
        raise MaskRequired("No ground was found in this picture. Send a mask that selects what to change", param="mask")
    mask = Image.fromarray(np.where(ground, 255, 0).astype(np.uint8), "L").filter(ImageFilter.MedianFilter(5))
    return mask.resize(image.size, Image.Resampling.BICUBIC).point(lambda value: 255 if value >= 128 else 0)


def _like_strip(lab: Floats, free: Marks) -> Marks:
    """Return where the colours are those of the lowest strip; its pieces may differ (a road between meadows)."""
    rows = max(2, round(lab.shape[0] * _STRIP))
    near = np.zeros(lab.shape[:2], np.bool_)
    pieces = zip(np.array_split(lab[-rows:], 6, axis=1), np.array_split(free[-rows:], 6, axis=1), strict=True)
    for piece, usable in pieces:
        pixels = piece[usable]
        if len(pixels) < 0.3 * usable.size or not len(pixels):
            continue
        middle = np.median(pixels, axis=0)
        spread = np.clip(pixels.std(axis=0), *np.transpose(_SPREADS))
        near = np.logical_or(near, (np.abs(lab - middle) / spread).max(axis=-1) < _REACH)
    return near


def _cut_spires(ground: Marks) -> Marks:
    """Drop what rises above the highest row that is ground over a good part of its width."""
    wide = np.flatnonzero(ground.mean(axis=1) >= _NARROW)
    cut = ground.copy()
    cut[: int(wide[0]) if len(wide) else len(cut)] = False
    return _join(cut)


def _below_horizon(image: Image.Image, size: tuple[int, int]) -> Marks:
    """Return what may be ground at all: nothing above or in the sky, and of a picture without one the lower 70 %."""
    rows = np.arange(size[1])[:, None]
    try:
        sky = np.asarray(find_sky(image).resize(size, Image.Resampling.NEAREST)) > 0
    except MaskRequired:
        return np.broadcast_to(rows >= 0.3 * size[1], (size[1], size[0]))
    below: Marks = rows > np.where(sky, rows, 0).max(axis=0)
    return below


def _join(marks: Marks) -> Marks:
    """Keep what hangs together with the lowest row."""
    joined = np.zeros_like(marks)
    joined[-1] = marks[-1]
    while True:
        wider = joined.copy()
        wider[:-1] |= joined[1:]
        wider[1:] |= joined[:-1]
        wider[:, 1:] |= joined[:, :-1]
        wider[:, :-1] |= joined[:, 1:]
        wider &= marks
        if (wider == joined).all():
            return joined
        joined = wider
