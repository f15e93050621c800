"""Grain for what was continued too smoothly: as much as the surroundings have, of their kind, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from inference.operations.grain import match_grain

SIZE = (240, 200)


def noise(strength: float, *, seed: int = 3) -> np.ndarray:
    """Mid grey with noise of ``strength`` (standard deviation in levels); uint8, (200, 240, 3)."""
    rng = np.random.default_rng(seed)
    values = 128 + rng.normal(0, strength, (SIZE[1], SIZE[0], 1)).repeat(3, 2)
    return values.clip(0, 255).astype(np.uint8)


def disc() -> Image.Image:
    mask = Image.new("L", SIZE, 0)
    ImageDraw.Draw(mask).ellipse((80, 60, 160, 140), fill=255)
    return mask


def filled(surroundings: np.ndarray, filling: np.ndarray | int, mask: Image.Image) -> Image.Image:
    inside = np.asarray(mask)[..., None] > 0
    return Image.fromarray(np.where(inside, np.asarray(filling, np.uint8), surroundings).astype(np.uint8))


def strength(image: Image.Image) -> float:
    """Standard deviation in the middle of the disc, where its soft edge has no part."""
    return float(np.asarray(image)[80:120, 100:140, :3].std())


def test_a_smooth_filling_gets_the_grain_of_its_surroundings() -> None:
    smooth = filled(noise(20), 128, disc())
    assert strength(smooth) == 0
    assert strength(match_grain(smooth, disc(), seed=1)) == pytest.approx(20, rel=0.2)


def test_outside_the_mask_every_pixel_stays() -> None:
    smooth = filled(noise(20), 128, disc())
    outside = np.asarray(disc()) == 0
    assert (np.asarray(match_grain(smooth, disc(), seed=1))[outside] == np.asarray(smooth)[outside]).all()


def test_a_filling_that_has_grain_is_left_alone() -> None:
    grainy = filled(noise(20), noise(18, seed=4), disc())
    assert match_grain(grainy, disc(), seed=1).tobytes() == grainy.tobytes()


def test_plain_surroundings_have_no_grain_to_give() -> None:
    plain = filled(noise(0), 90, disc())
    assert match_grain(plain, disc(), seed=1).tobytes() == plain.tobytes()


def test_edges_of_things_are_no_grain() -> None:
    striped = noise(2)
    striped[:, 200:] = np.where(np.arange(40) % 10 < 5, 0, 255)[None, :, None]
    smooth = filled(striped, 128, disc())
    assert strength(match_grain(smooth, disc(), seed=1)) < 5


def test_the_same_seed_gives_the_same_bytes_and_another_other_ones() -> None:
    smooth = filled(noise(20), 128, disc())
    assert match_grain(smooth, disc(), seed=1).tobytes() == match_grain(smooth, disc(), seed=1).tobytes()
    assert match_grain(smooth, disc(), seed=1).tobytes() != match_grain(smooth, disc(), seed=2).tobytes()


def test_transparency_stays() -> None:
    smooth = filled(noise(20), 128, disc())
    alpha = Image.linear_gradient("L").resize(SIZE).point(lambda value: 200 + value // 5)
    smooth.putalpha(alpha)
    grained = match_grain(smooth, disc(), seed=1)
    assert grained.mode == "RGBA"
    assert grained.getchannel("A").tobytes() == alpha.tobytes()
    assert strength(grained) > 10


@pytest.mark.parametrize("box", [(0, 0, 240, 200), (4, 4, 236, 196), (0, 0, 1, 1)])
def test_masks_of_all_or_of_nearly_nothing_do_no_harm(box: tuple[int, int, int, int]) -> None:
    mask = Image.new("L", SIZE, 0)
    mask.paste(255, box)
    smooth = filled(noise(20), 128, mask)
    grained = match_grain(smooth, mask, seed=1)
    outside = np.asarray(mask) == 0
    assert grained.size == SIZE
    assert (np.asarray(grained)[outside] == np.asarray(smooth)[outside]).all()


def test_a_picture_of_a_few_pixels_is_left_alone() -> None:
    small = Image.new("RGB", (3, 2), "red")
    mask = Image.new("L", (3, 2), 0)
    mask.putpixel((1, 1), 255)
    assert match_grain(small, mask, seed=1).tobytes() == small.tobytes()
