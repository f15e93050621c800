"""Places in a picture, from words: spots to put things, areas to repaint.

Only words that say nothing but a place resolve: "in the top left corner", "on the right", "in the background", "sky". A
thing ("the car", "on the man's head") has a place that words alone do not give; asking for a mask is honest, guessing
is not. Nothing said at all is the lower middle, where things that are added mostly stand.

    draw_spot((640, 480), "on the left", "a dog")   -> mask L, a rounded box
    draw_area((640, 480), "the left side")          -> mask L, the left half
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw

from inference.errors import MaskRequired
from inference.operations.sky import find_sky


@dataclass(frozen=True, slots=True)
class Spot:
    """A box for one thing: its middle as fractions of the picture, its sides as fractions of the shorter side."""

    x: float
    y: float
    width: float
    height: float


SPOTS: dict[str, Spot] = {
    "": Spot(0.50, 0.66, 0.48, 0.48),
    "left": Spot(0.26, 0.62, 0.46, 0.46),
    "right": Spot(0.74, 0.62, 0.46, 0.46),
    "top": Spot(0.50, 0.27, 0.46, 0.46),
    "bottom": Spot(0.50, 0.73, 0.46, 0.46),
    "center": Spot(0.50, 0.50, 0.48, 0.48),
    "top left": Spot(0.26, 0.27, 0.46, 0.46),
    "top right": Spot(0.74, 0.27, 0.46, 0.46),
    "bottom left": Spot(0.26, 0.73, 0.46, 0.46),
    "bottom right": Spot(0.74, 0.73, 0.46, 0.46),
    "background": Spot(0.50, 0.38, 0.90, 0.36),
    "foreground": Spot(0.50, 0.76, 0.90, 0.44),
    "sky": Spot(0.50, 0.22, 0.60, 0.36),
}

# left, top, right, bottom as fractions of the picture.
AREAS: dict[str, tuple[float, float, float, float]] = {
    "left": (0.0, 0.0, 0.5, 1.0),
    "right": (0.5, 0.0, 1.0, 1.0),
    "top": (0.0, 0.0, 1.0, 0.5),
    "bottom": (0.0, 0.5, 1.0, 1.0),
    "center": (0.25, 0.25, 0.75, 0.75),
    "top left": (0.0, 0.0, 0.5, 0.5),
    "top right": (0.5, 0.0, 1.0, 0.5),
    "bottom left": (0.0, 0.5, 0.5, 1.0),
    "bottom right": (0.5, 0.5, 1.0, 1.0),
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SYNONYMS = {
    **dict.fromkeys(("left", "lefthand"), "left"),
    **dict.fromkeys(("right", "righthand"), "right"),
    **dict.fromkeys(("top", "upper", "above", "up"), "top"),
    **dict.fromkeys(("bottom", "lower", "below", "down", "ground", "floor"), "bottom"),
    **dict.fromkeys(("center", "centre", "middle", "central"), "center"),
    **dict.fromkeys(("background", "distance", "behind", "back"), "background"),
    **dict.fromkeys(("foreground", "front"), "foreground"),
    **dict.fromkeys(("sky", "skies"), "sky"),
}
_FILLERS = _words(
    "a an the in on at to of from into onto near by towards toward over side part area half third quarter corner hand "
    "edge end just far very there picture image photo photograph frame scene shot and"
)
_WHOLE = frozenset(
    ["everything", "all", "it all", "picture", "image", "photo", "photograph", "scene", "whole thing"]
    + [f"{size} {name}" for size in ("whole", "entire") for name in ("picture", "image", "photo", "scene")]
)
_TALL = _words(
    "person man woman boy girl child kid lady guy figure astronaut dancer soldier nurse giraffe tree palm lamp tower "
    "lighthouse statue rocket skyscraper bottle candle flagpole snowman robot"
)
_WIDE = _words("car truck bus train boat ship bench sofa couch bed fence bridge river lake crowd row field")


def say_place(words: str) -> tuple[str, ...] | None:
    """Return the place that ``words`` name, most telling word first, or None if they name anything else.

    "in the upper left corner" -> ("top", "left"), "in the background on the left" -> ("background", "left").
    """
    tokens = [token for token in re.split(r"[^a-z]+", words.lower()) if token and token not in _FILLERS]
    if not tokens or any(token not in _SYNONYMS for token in tokens):
        return None
    places = {_SYNONYMS[token] for token in tokens}
    if {"left", "right"} <= places or {"top", "bottom"} <= places or {"background", "foreground"} <= places:
        return None
    if len(places) > 1:
        places.discard("center")
    order = ("sky", "background", "foreground", "top", "bottom", "left", "right", "center")
    return tuple(place for place in order if place in places)


def find_spot(where: str | None) -> tuple[str, ...]:
    """Return the place of something to add, () if none is said. Raises `MaskRequired` if the words name a thing."""
    places = say_place(where) if where is not None else ()
    if places is None:
        raise _unknown(where or "")
    return places


def find_area(target: str) -> str:
    """Return what to repaint: "everything", "sky" or a key of `AREAS`. Raises `MaskRequired` for anything else."""
    plain = re.sub(r"^(the|a|an)\s+", "", " ".join(target.lower().split()))
    if plain in _WHOLE:
        return "everything"
    name = " ".join(say_place(plain) or ())
    if name not in (*AREAS, "sky") or plain in ("ground", "floor"):
        raise _unknown(target)
    return name


def draw_spot(image: Image.Image, where: str | None, prompt: str) -> Image.Image:
    """Return a mask (L, 0 and 255) of where to put ``prompt``. Raises as `find_spot` does, and if there is no sky."""
    places = find_spot(where)
    column = next((place for place in places if place in ("left", "right")), None)
    first = " ".join(places) if " ".join(places) in SPOTS else places[0]
    spot = SPOTS[first]
    if first in ("background", "foreground", "sky") and column is not None:
        spot = Spot(SPOTS[column].x, spot.y, spot.width / 2, spot.height)
    elif first not in ("background", "foreground", "sky"):
        spot = _shape(spot, prompt)
    if first != "sky":
        return draw_box(image.size, spot)
    sky = find_sky(image)
    box = sky.getbbox() or (0, 0, *image.size)
    middle = (box[1] + box[3]) / 2 / image.height
    inside = ImageChops.darker(draw_box(image.size, Spot(spot.x, middle, spot.width, spot.height)), sky)
    return inside if inside.getbbox() is not None else sky


def draw_area(image: Image.Image, target: str) -> Image.Image:
    """Return a mask (L, 0 and 255) of ``target``. Raises as `find_area` does, and if there is no sky."""
    name = find_area(target)
    if name == "everything":
        return Image.new("L", image.size, 255)
    if name == "sky":
        return find_sky(image)
    left, top, right, bottom = AREAS[name]
    width, height = image.size
    mask = Image.new("L", image.size, 0)
    box = (round(left * width), round(top * height), round(right * width), round(bottom * height))
    mask.paste(255, (box[0], box[1], max(box[2], box[0] + 1), max(box[3], box[1] + 1)))
    return mask


def draw_box(size: tuple[int, int], spot: Spot) -> Image.Image:
    """Draw ``spot`` as a rounded box, moved and cut so that it lies inside; at least one pixel."""
    width, height = size
    across = min(width, max(1, round(spot.width * min(size))))
    down = min(height, max(1, round(spot.height * min(size))))
    left = min(max(round(spot.x * width - across / 2), 0), width - across)
    top = min(max(round(spot.y * height - down / 2), 0), height - down)
    mask = Image.new("L", size, 0)
    box = (left, top, left + across - 1, top + down - 1)
    if min(across, down) < 8:  # Pillow 13 draws nothing at all for a rounded box of one pixel.
        ImageDraw.Draw(mask).rectangle(box, fill=255)
    else:
        ImageDraw.Draw(mask).rounded_rectangle(box, radius=min(across, down) // 4, fill=255)
    return mask


def _shape(spot: Spot, prompt: str) -> Spot:
    """Make room for what is tall or wide; the first noun that says so decides."""
    for word in re.split(r"[^a-z]+", prompt.lower()):
        for form in (word, word.removesuffix("s")):
            if form in _TALL:
                return Spot(spot.x, spot.y - 0.06, spot.width * 0.95, min(0.8, spot.height * 1.6))
            if form in _WIDE:
                return Spot(spot.x, spot.y, spot.width * 1.4, spot.height * 0.85)
    return spot


def _unknown(words: str) -> MaskRequired:
    return MaskRequired(
        f'Where "{words}" is cannot be told from words: finding things is not part of this version. Send a mask of the '
        "place, or name a side such as left, top right, background or sky",
        param="mask",
    )
