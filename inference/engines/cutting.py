"""Finds what a small model has really painted: where its picture differs from its picture of nothing.

Such a model sets a thing on a smooth continuation of the surroundings, and on gravel or fur the smooth part shows.
Asked for nothing with the same noise it gives the continuation alone; what differs is the thing with its shadow. It
knows no model.

    matte = find_matte(painted, ground, mask)
    if matte is not None:
        painted.putalpha(matte)
"""

from __future__ import annotations

from PIL import Image, ImageChops, ImageFilter

SAME, OTHER = 18, 60
"""Levels (0..255): what differs by less is the continuation, by more the thing; between them a soft edge."""
SPECK = 5
"""Specks and holes narrower than so many pixels are none."""
LEAST = 0.01
"""Share of the mask that must differ: less is no thing."""


def find_matte(painted: Image.Image, ground: Image.Image, mask: Image.Image) -> Image.Image | None:
    """Return weights (L, 255 = the thing) for ``painted``; None where inside ``mask`` (L) next to nothing differs.

    ``painted`` and ``ground`` are RGB and of the mask's size.
    """
    red, green, blue = ImageChops.difference(painted, ground).split()
    apart = ImageChops.lighter(ImageChops.lighter(red, green), blue).filter(ImageFilter.MedianFilter(SPECK))
    closed = apart.filter(ImageFilter.MaxFilter(SPECK)).filter(ImageFilter.MinFilter(SPECK))
    matte = closed.point(_weigh).filter(ImageFilter.GaussianBlur(1))
    found = sum(ImageChops.multiply(matte, mask).histogram()[128:])
    return matte if found >= LEAST * max(1, sum(mask.histogram()[128:])) else None


def _weigh(level: int) -> int:
    return max(0, min(255, (level - SAME) * 255 // (OTHER - SAME)))
