"""Backgrounds: crops of photographs, and landscapes, rooms, skies and grounds painted by procedure.

All pictures are float32 arrays (height, width, 3) in 0..1. Everything comes from the random generator that is handed
in, so a seed is a picture. Knows nothing of things, masks or networks.

>>> paint_scene(np.random.default_rng(0), []).shape
(256, 256, 3)
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.nn import functional

Picture = npt.NDArray[np.float32]
SIDE = 256
TILE = 32
"""Side of the tiles, in pixels, that grain is laid in."""


def clip(values: npt.NDArray[Any]) -> Picture:
    """Cut off what is below 0 or above 1."""
    picture: Picture = np.clip(values, 0, 1).astype(np.float32)
    return picture


def smooth_noise(rng: np.random.Generator, rows: int, columns: int, side: int = SIDE) -> Picture:
    """Smooth random field (side, side) in about 0..1 with that many bumps down and across."""
    coarse = rng.random((max(2, rows), max(2, columns)), dtype=np.float32)
    field = Image.fromarray(coarse, mode="F").resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(field, np.float32)


def cloud_noise(rng: np.random.Generator, rows: int, columns: int, octaves: int = 4) -> Picture:
    """Fractal noise (256, 256) in about 0..1: each octave is twice as fine and half as strong."""
    total = np.zeros((SIDE, SIDE), np.float32)
    weight, whole = 1.0, 0.0
    for _ in range(octaves):
        total += weight * smooth_noise(rng, rows, columns)
        whole += weight
        weight, rows, columns = weight / 2, min(rows * 2, SIDE), min(columns * 2, SIDE)
    return total / whole


def blend_colours(stops: Sequence[tuple[float, float, float]], along: Picture) -> Picture:
    """Colours along a gradient: `along` in 0..1 picks between evenly spaced stops (RGB, 0..1)."""
    places = np.linspace(0, 1, len(stops))
    table = np.asarray(stops, np.float32)
    return np.stack([np.interp(along, places, table[:, channel]) for channel in range(3)], -1).astype(np.float32)


def vary(rng: np.random.Generator, colour: tuple[float, float, float], amount: float) -> tuple[float, float, float]:
    """A colour near that one."""
    red, green, blue = np.clip(np.asarray(colour) + rng.uniform(-amount, amount, 3), 0, 1)
    return float(red), float(green), float(blue)


def paint_sky(rng: np.random.Generator, kind: str, horizon: float = 1.0) -> Picture:
    """A sky ("sunset", "blue sky", "night sky") whose lower edge lies at `horizon` (share of the height)."""
    down = np.broadcast_to(np.linspace(0, 1, SIDE, dtype=np.float32)[:, None], (SIDE, SIDE))
    across = down.T
    along = np.clip(down / max(horizon, 0.1), 0, 1)
    if kind == "sunset":
        stops = ((0.25, 0.2, 0.45), (0.75, 0.35, 0.42), (0.98, 0.52, 0.25), (1.0, 0.82, 0.42))
        sky = blend_colours([vary(rng, stop, 0.05) for stop in stops], along)
        middle, height = rng.uniform(0.25, 0.75), horizon * rng.uniform(0.72, 0.9)
        distance = np.hypot(across - middle, down - height)
        sky += np.exp(-((distance / 0.22) ** 2))[..., None] * np.asarray((0.35, 0.25, 0.08), np.float32)
        disc = np.clip((rng.uniform(0.06, 0.09) - distance) * 80, 0, 1)[..., None]
        sky = sky * (1 - disc) + disc * np.asarray((1.0, 0.95, 0.7), np.float32)
        streaks = np.clip((cloud_noise(rng, 9, 2) - 0.52) * 5, 0, 1)[..., None] * 0.55
        return clip(sky * (1 - streaks) + streaks * np.asarray((0.7, 0.3, 0.36), np.float32))
    if kind == "night sky":
        sky = blend_colours([vary(rng, stop, 0.03) for stop in ((0.03, 0.04, 0.13), (0.1, 0.13, 0.33))], along)
        for _ in range(int(rng.integers(30, 60))):
            row, column = rng.integers(1, SIDE - 2, 2)
            sky[row : row + 2, column : column + 2] += np.float32(rng.uniform(0.4, 0.9))
        distance = np.hypot(across - rng.uniform(0.2, 0.8), down - horizon * rng.uniform(0.2, 0.5))
        moon = np.clip((0.085 - distance) * 80, 0, 1)[..., None]
        sky += np.exp(-((distance / 0.15) ** 2))[..., None] * np.float32(0.12)
        return clip(sky * (1 - moon) + moon * np.asarray((0.97, 0.96, 0.85), np.float32))
    sky = blend_colours([vary(rng, stop, 0.05) for stop in ((0.25, 0.52, 0.88), (0.68, 0.85, 0.97))], along)
    clouds = np.clip((cloud_noise(rng, 4, 3) - rng.uniform(0.5, 0.58)) * 6, 0, 1)[..., None]
    return clip(sky * (1 - clouds) + clouds * np.float32(0.97))


def paint_ground(rng: np.random.Generator, kind: str) -> Picture:
    """Ground seen at a slant: "grass", "water", "sand", "snow", "road" or "wood"."""
    stops = {
        "grass": ((0.35, 0.52, 0.2), (0.2, 0.42, 0.1)),
        "water": ((0.35, 0.6, 0.75), (0.08, 0.3, 0.5)),
        "sand": ((0.86, 0.76, 0.58), (0.75, 0.62, 0.42)),
        "snow": ((0.9, 0.93, 0.97), (0.8, 0.85, 0.92)),
        "road": ((0.5, 0.5, 0.5), (0.33, 0.33, 0.35)),
        "wood": ((0.6, 0.42, 0.28), (0.42, 0.27, 0.17)),
    }[kind]
    down = np.broadcast_to(np.linspace(0, 1, SIDE, dtype=np.float32)[:, None], (SIDE, SIDE))
    ground = blend_colours([vary(rng, stop, 0.06) for stop in stops], down)
    if kind == "water":
        ripples = cloud_noise(rng, 28, 5, 3) - 0.5
        return clip(ground + ripples[..., None] * 0.35 + (ripples > 0.14)[..., None] * np.float32(0.12))
    if kind == "grass":
        blades = cloud_noise(rng, 20, 50, 3) - 0.5
        return clip(ground * (1 + blades[..., None] * 0.9))
    grain = cloud_noise(rng, *((4, 40) if kind == "wood" else (10, 10)), octaves=4) - 0.5
    return clip(ground + grain[..., None] * np.float32(0.12))


def draw_horizon(rng: np.random.Generator, low: float = 0.35, high: float = 0.75) -> Picture:
    """A skyline: for each column the row where the sky ends, in pixels (float32, 256 values)."""
    line: Picture = np.full(SIDE, rng.uniform(low, high) * SIDE, np.float32)
    style = rng.random()
    if style < 0.3:
        line = line + smooth_noise(rng, 2, int(rng.integers(3, 8)))[0] * np.float32(rng.uniform(0, 30))
    elif style < 0.65:
        line = line + (smooth_noise(rng, 2, int(rng.integers(4, 24)))[0] - 0.5) * np.float32(rng.uniform(20, 80))
    else:
        edges = np.sort(rng.integers(0, SIDE, int(rng.integers(2, 9))))
        heights = rng.uniform(-45, 30, len(edges) + 1).astype(np.float32)
        line = line + heights[np.searchsorted(edges, np.arange(SIDE), side="right")]
    return line


def crop_photo(rng: np.random.Generator, photo: Image.Image) -> Picture:
    """A square of a photograph, mirrored half of the time, its light and colours varied, at times swapped."""
    side = int(rng.uniform(0.55, 1.0) * min(photo.size))
    left, top = int(rng.integers(0, photo.width - side + 1)), int(rng.integers(0, photo.height - side + 1))
    small = photo.resize(
        (SIDE, SIDE), Image.Resampling.BILINEAR, (left, top, left + side, top + side), reducing_gap=2.0
    )
    picture: Picture = np.asarray(small, np.float32) / np.float32(255)
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    if float(np.abs(picture - picture.mean(-1, keepdims=True)).mean()) < 0.05 and rng.random() < 0.8:
        grey = np.clip(picture.mean(-1), 0, 1)
        dark, light = vary(rng, (0.15, 0.15, 0.15), 0.15), vary(rng, (0.85, 0.85, 0.85), 0.15)
        picture = blend_colours([dark, vary(rng, (0.5, 0.5, 0.5), 0.2), light], grey)
    if rng.random() < 0.3:
        picture = picture[..., rng.permutation(3)]
    picture = picture ** np.float32(rng.uniform(0.7, 1.4)) * rng.uniform(0.85, 1.1, 3).astype(np.float32)
    return clip(picture)


def paint_landscape(rng: np.random.Generator) -> Picture:
    """Sky, perhaps hills, and ground below a horizon."""
    line = draw_horizon(rng, 0.3, 0.65)
    sky = paint_sky(rng, str(rng.choice(["blue sky", "blue sky", "sunset", "night sky"])), float(line.mean()) / SIDE)
    ground = paint_ground(rng, str(rng.choice(["grass", "grass", "water", "sand", "snow", "road"])))
    rows = np.arange(SIDE, dtype=np.float32)[:, None]
    if rng.random() < 0.6:
        hills = line - 8 - smooth_noise(rng, 2, int(rng.integers(3, 7)))[0] * np.float32(rng.uniform(10, 60))
        colour = np.asarray(vary(rng, (0.35, 0.45, 0.4), 0.15), np.float32)
        above = np.clip(rows - hills[None], 0, 1)[..., None]
        sky = sky * (1 - above) + above * colour * (0.85 + 0.3 * cloud_noise(rng, 8, 8)[..., None])
        line = np.full(SIDE, line.mean() + 4, np.float32)
    below = np.clip(rows - line[None], 0, 1)[..., None]
    return clip(sky * (1 - below) + ground * below)


def paint_room(rng: np.random.Generator) -> Picture:
    """A plain wall over a floor or a table top, lit from one side."""
    wall = np.broadcast_to(np.asarray(vary(rng, (0.7, 0.68, 0.62), 0.28), np.float32), (SIDE, SIDE, 3))
    wall = (
        wall * (0.8 + 0.3 * smooth_noise(rng, 2, 2)[..., None]) + (cloud_noise(rng, 20, 20, 3)[..., None] - 0.5) * 0.05
    )
    floor = paint_ground(rng, str(rng.choice(["wood", "road", "sand"])))
    line = rng.uniform(0.45, 0.85) * SIDE
    below = np.clip(np.arange(SIDE, dtype=np.float32) - line, 0, 1)[:, None, None]
    return clip(wall * (1 - below) + floor * below)


def paint_blur(rng: np.random.Generator) -> Picture:
    """Soft patches of three colours, as behind a subject in focus."""
    colours = [vary(rng, (0.5, 0.5, 0.5), 0.45) for _ in range(3)]
    return blend_colours(colours, np.clip(cloud_noise(rng, 3, 3, int(rng.integers(1, 5))) * 1.6 - 0.3, 0, 1))


def continue_smoothly(scene: Picture, inside: npt.NDArray[np.bool_]) -> Picture:
    """Replace what is inside a mask by what its surroundings suggest: their colours, the nearer the stronger.

    What really was there nobody can know; asked for it, a small network paints patches. This it can learn. Averages
    of what is known are handed up a pyramid, and the gaps filled on the way down.
    """
    known = torch.from_numpy(~inside).float()[None, None]
    colours = torch.from_numpy(np.ascontiguousarray(scene)).permute(2, 0, 1)[None] * known
    levels = [(colours, known)]
    while levels[-1][0].shape[-1] > 1:
        colours, known = (functional.avg_pool2d(part, 2) for part in levels[-1])
        levels.append((colours, known))
    colours, known = levels.pop()
    filled = colours / known.clamp(min=1e-4)
    for colours, known in reversed(levels):
        size = colours.shape[-2:]
        wider = functional.interpolate(filled, size, mode="bilinear")
        wider = functional.avg_pool2d(wider, 3, 1, 1, count_include_pad=False) if size[0] > 2 else wider
        weight = (known * 4).clamp(max=1)
        filled = weight * colours / known.clamp(min=1e-4) + (1 - weight) * wider
    smooth: Picture = filled[0].permute(1, 2, 0).numpy()
    return clip(np.where(inside[..., None], smooth, scene))


def scatter_grain(rng: np.random.Generator, scene: Picture, inside: npt.NDArray[np.bool_]) -> Picture:
    """Fine structure for the inside of a mask, like that of its surroundings; (256, 256, 3), about -0.3..0.3.

    What is left of the surroundings without their broad colours is cut into tiles, and tiles from chance places are
    laid softly over each other. Lone edges are flattened, so that gravel gives gravel but a window frame gives little.
    """
    known = (~inside).astype(np.float32)
    stack = torch.from_numpy(np.concatenate([scene * known[..., None], known[..., None]], -1)).permute(2, 0, 1)[None]
    stack = functional.interpolate(functional.avg_pool2d(stack, 8), (SIDE, SIDE), mode="bilinear")
    broad = (stack[0, :3] / stack[0, 3:].clamp(min=1e-3)).permute(1, 2, 0).numpy()
    fine = (scene - broad) * known[..., None]
    if not inside.any() or inside.all():
        return np.zeros_like(scene)
    limit = 2.5 * float(np.median(np.abs(fine[~inside])))
    fine = np.clip(fine, -limit, limit)
    coarse = functional.avg_pool2d(torch.from_numpy(known)[None, None], 4)
    places = np.argwhere(functional.avg_pool2d(coarse, TILE // 4, 1)[0, 0].numpy() > 0.999) * 4
    grain = np.zeros((SIDE + TILE, SIDE + TILE, 3), np.float32)
    if len(places) == 0:
        return grain[:SIDE, :SIDE]
    # Overlapping windows whose squares sum to one: the grain stays as strong as it was.
    window = np.sin(np.pi * (np.arange(TILE, dtype=np.float32) + 0.5) / TILE)
    weight = np.outer(window, window)[..., None]
    rows, columns = np.nonzero(inside.any(1))[0], np.nonzero(inside.any(0))[0]
    half = TILE // 2
    for top in range(int(rows[0]) // half * half, int(rows[-1]) + half, half):
        for left in range(int(columns[0]) // half * half, int(columns[-1]) + half, half):
            choice = places[rng.integers(len(places), size=3)]
            row, column = choice[np.hypot(choice[:, 0] - top + half, choice[:, 1] - left + half).argmin()]
            grain[top : top + TILE, left : left + TILE] += fine[row : row + TILE, column : column + TILE] * weight
    return grain[half : half + SIDE, half : half + SIDE]


def continue_scene(rng: np.random.Generator, scene: Picture, inside: npt.NDArray[np.bool_], *, grain: bool) -> Picture:
    """Replace what is inside a mask by the smooth continuation of its surroundings, with their grain if asked for."""
    smooth = continue_smoothly(scene, inside)
    return clip(smooth + scatter_grain(rng, scene, inside) * inside[..., None]) if grain else smooth


def paint_scene(rng: np.random.Generator, photos: Sequence[Image.Image]) -> Picture:
    """Any background: a photograph's crop half of the time (if there are any), else a painted one."""
    if photos and rng.random() < 0.5:
        return crop_photo(rng, photos[int(rng.integers(len(photos)))])
    kind = rng.random()
    if kind < 0.35:
        return paint_landscape(rng)
    return paint_room(rng) if kind < 0.6 else paint_blur(rng)
