"""The thing is told from the ground it was painted on."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from inference.engines.cutting import find_matte

SIDE = 64


def ground() -> Image.Image:
    """Uneven grey, as a small model continues a surface."""
    rng = np.random.default_rng(1)
    return Image.fromarray((120 + rng.integers(0, 12, (SIDE, SIDE, 3))).astype(np.uint8), "RGB")


def painted(color: tuple[int, int, int]) -> Image.Image:
    """The same a little brighter, with a disc of ``color``."""
    image = ground().point(lambda level: level + 6)
    ImageDraw.Draw(image).ellipse((20, 16, 44, 40), fill=color)
    return image


def whole() -> Image.Image:
    return Image.new("L", (SIDE, SIDE), 255)


@pytest.mark.parametrize("color", [(255, 0, 0), (0, 0, 0), (255, 255, 255), (120, 120, 220)])
def test_the_thing_is_opaque_and_the_ground_transparent(color: tuple[int, int, int]) -> None:
    matte = find_matte(painted(color), ground(), whole())
    assert matte is not None
    weights = np.asarray(matte)
    assert weights[24:32, 28:36].min() == 255
    assert weights[:, :12].max() == 0
    assert weights[48:].max() == 0


def test_a_speck_is_no_thing_and_a_pinhole_no_hole() -> None:
    image = painted((255, 0, 0))
    image.putpixel((6, 6), (255, 255, 255))
    image.putpixel((32, 28), (123, 123, 123))
    matte = find_matte(image, ground(), whole())
    assert matte is not None
    assert matte.getpixel((6, 6)) == 0
    assert matte.getpixel((32, 28)) == 255


def test_where_nothing_was_painted_there_is_no_matte() -> None:
    assert find_matte(ground(), ground(), whole()) is None


def test_what_differs_outside_the_mask_does_not_count() -> None:
    mask = Image.new("L", (SIDE, SIDE), 0)
    mask.paste(255, (48, 48, 64, 64))
    assert find_matte(painted((255, 0, 0)), ground(), mask) is None
