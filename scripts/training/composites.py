"""Training examples: a scene, a mask, the words, and what should be seen in the mask.

An example is wholly a function of the seed and its number, so training can stop and go on anywhere. Knows nothing of
networks.

>>> example = compose_example(read_material(path), seed=1, number=0)
>>> example.target.shape, example.mask.shape
((256, 256, 3), (256, 256))
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from scripts.training.scenes import (
    SIDE,
    Picture,
    clip,
    continue_scene,
    draw_horizon,
    paint_ground,
    paint_scene,
    paint_sky,
)
from scripts.training.sprites import Material
from scripts.training.things import ANYTHING, BACKGROUND, FILLS, PAINTED, SETTINGS, THINGS

SHARES = {"thing": 0.8, "fill": 0.08, "background": 0.12}
FILLED = 0.84
"""How much of a mask's box a thing fills."""


@dataclass
class Example:
    """One training example: `target` (256, 256, 3) float32 0..1, `mask` (256, 256) bool (True = to be painted),
    `caption`, and `name` of the thing or fill ("background" where the scene just goes on)."""

    target: Picture
    mask: npt.NDArray[np.bool_]
    caption: str
    name: str


def draw_mask(rng: np.random.Generator, box: tuple[float, float, float, float]) -> Image.Image:
    """A rectangle (its corners perhaps round), an ellipse or a blob about a box (left, top, right, bottom), "L"."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    mask = Image.new("L", (SIDE, SIDE))
    draw = ImageDraw.Draw(mask)
    shape = rng.random()
    if shape < 0.25:
        draw.rectangle(box, fill=255)
    elif shape < 0.6:
        edge = (left - width * 0.03, top - height * 0.03, right + width * 0.03, bottom + height * 0.03)
        draw.rounded_rectangle(edge, radius=min(width, height) / 4, fill=255)
    elif shape < 0.8:
        draw.ellipse((left - width * 0.14, top - height * 0.14, right + width * 0.14, bottom + height * 0.14), fill=255)
    else:
        angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        reach = rng.uniform(1.0, 1.3, 16)
        round_off = np.maximum(np.abs(np.cos(angles)), np.abs(np.sin(angles))) ** -0.6
        x = (left + right) / 2 + np.cos(angles) * reach * round_off * width / 2
        y = (top + bottom) / 2 + np.sin(angles) * reach * round_off * height / 2
        draw.polygon(list(zip(x.tolist(), y.tolist(), strict=True)), fill=255)
        mask = mask.filter(ImageFilter.GaussianBlur(5)).point(lambda value: 255 if value > 100 else 0)
    return mask


def place_sprite(sprite: Image.Image, box: tuple[int, int, int, int], *, grounded: bool) -> tuple[Image.Image, Picture]:
    """Fit a sprite into a mask's box (left, top, right, bottom); return it on a clear sheet, and its shadow 0..1.

    It stands in the middle and fills most of the box, always: where and how large a thing is follows from the mask
    alone, so a small network learns what it looks like instead of where it might be.
    """
    width, height = box[2] - box[0], box[3] - box[1]
    scale = FILLED * min(width / sprite.width, height / sprite.height)
    size = (max(4, round(sprite.width * scale)), max(4, round(sprite.height * scale)))
    sprite = sprite.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    left, top = (box[0] + box[2] - size[0]) // 2, (box[1] + box[3] - size[1]) // 2
    sheet = Image.new("RGBA", (SIDE, SIDE))
    sheet.paste(sprite, (left, top))
    shadow = Image.new("L", (SIDE, SIDE))
    if grounded:
        foot = top + size[1]
        spread = size[1] * 0.05 + 3
        ImageDraw.Draw(shadow).ellipse(
            (left + size[0] * 0.06, foot - spread, left + size[0] * 0.94, foot + spread * 0.7), fill=255
        )
        shadow = shadow.filter(ImageFilter.GaussianBlur(4))
    return sheet, clip(np.asarray(shadow, np.float32) / 255)


def light_sprite(rng: np.random.Generator, colours: Picture, scene: Picture) -> Picture:
    """Vary a sprite's light and lean it slightly towards the scene's own."""
    tint = 1 + 0.18 * (scene.mean((0, 1)) - scene.mean())
    slope = np.linspace(-1, 1, SIDE, dtype=np.float32) * np.float32(rng.uniform(-0.08, 0.08))
    return clip(colours * np.float32(rng.uniform(0.94, 1.04)) * tint * (1 + slope[None, :, None]))


def compose_thing(
    rng: np.random.Generator, material: Material, name: str, scene: Picture, *, grain: bool = False
) -> Example:
    """Put a thing into a scene, in the middle of a mask of any place, size and shape."""
    thing = THINGS[name]
    height = SIDE * rng.uniform(0.4, 0.72)
    width = min(height * float(rng.choice([0.8, 1.0, 1.0, 1.0, 1.25])), 0.8 * SIDE)
    left, top = rng.uniform(0.06 * SIDE, 0.94 * SIDE - width), rng.uniform(0.06 * SIDE, 0.94 * SIDE - height)
    mask = draw_mask(rng, (left, top, left + width, top + height))
    inside = np.asarray(mask) > 127
    box = mask.getbbox()
    assert box is not None  # a box of that size leaves something of any shape
    scene = continue_scene(rng, scene, inside, grain=grain)
    sheet, shadow = place_sprite(material.sprites[name], box, grounded=thing.grounded)
    layer = clip(np.asarray(sheet, np.float32) / 255)
    alpha = layer[..., 3:] * inside[..., None]
    target = scene * (1 - shadow[..., None] * np.float32(0.35) * inside[..., None])
    target = target * (1 - alpha) + light_sprite(rng, layer[..., :3], scene) * alpha
    words = ANYTHING if rng.random() < 0.03 else thing.captions
    caption = str(words[0] if rng.random() < 0.6 else words[int(rng.integers(len(words)))])
    caption = SETTINGS[int(rng.integers(len(SETTINGS)))].format(caption)
    return Example(target.astype(np.float32), inside, caption, name)


def compose_fill(rng: np.random.Generator, name: str, scene: Picture) -> Example:
    """Replace a part of a scene wholly: the sky above a skyline, the ground below one, or any mask."""
    rows = np.arange(SIDE, dtype=np.float32)[:, None]
    sky = "sky" in name or name == "sunset"
    if rng.random() < 0.75:
        line = draw_horizon(rng, 0.4, 0.85) if sky else draw_horizon(rng, 0.2, 0.6)
        inside = (rows < line[None]) if sky else (rows > line[None])
    else:
        left, right = np.sort(rng.uniform(0, SIDE, 2))
        top, bottom = np.sort(rng.uniform(0, SIDE, 2))
        inside = np.asarray(draw_mask(rng, (left, top, max(right, left + 60), max(bottom, top + 60)))) > 127
    reach = np.nonzero(inside.any(1))[0]
    if len(reach) == 0:
        inside, reach = np.ones((SIDE, SIDE), np.bool_), np.arange(SIDE)
    inner = paint_sky(rng, name, float(reach[-1] + 1) / SIDE) if sky else paint_ground(rng, name)
    target = np.where(inside[..., None], inner, scene)
    words = FILLS[name]
    caption = words[0] if rng.random() < 0.5 else words[int(rng.integers(len(words)))]
    return Example(target.astype(np.float32), inside, str(caption), name)


def compose_background(rng: np.random.Generator, scene: Picture, *, grain: bool = False) -> Example:
    """Continue a scene: the mask covers a part of it, which is filled with what its surroundings suggest."""
    width, height = rng.uniform(0.2, 0.85, 2) * SIDE
    left, top = rng.uniform(0, SIDE - width), rng.uniform(0, SIDE - height)
    inside = np.asarray(draw_mask(rng, (left, top, left + width, top + height))) > 127
    words = BACKGROUND[0] if rng.random() < 0.5 else BACKGROUND[int(rng.integers(len(BACKGROUND)))]
    return Example(continue_scene(rng, scene, inside, grain=grain), inside, words, "background")


def compose_example(
    material: Material, seed: int, number: int, favoured: tuple[str, ...] = (), *, grain: bool = False
) -> Example:
    """The example of that number: a thing (those favoured twice as often), a fill or a mere background, in the shares
    above."""
    rng = np.random.default_rng((seed, number))
    scene = paint_scene(rng, list(material.photos.values()))
    draw = rng.random()
    if draw < SHARES["thing"]:
        names = PAINTED + favoured
        return compose_thing(rng, material, names[int(rng.integers(len(names)))], scene, grain=grain)
    if draw < SHARES["thing"] + SHARES["fill"]:
        fills = ("sunset", "sunset", "blue sky", "night sky", "grass", "water")
        return compose_fill(rng, fills[int(rng.integers(len(fills)))], scene)
    return compose_background(rng, scene, grain=grain)
