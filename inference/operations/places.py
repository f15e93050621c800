"""Places in a picture, from words: spots to put things, areas to repaint.

Words that say nothing but a place resolve by themselves: "in the top left corner", "on the right", "in the background",
"sky". Anything else names a thing ("the car", "on the man's head", "next to the cup"), whose place words alone do not
give: a `Finder` is asked for it, and nothing is guessed. Nothing said at all is the lower middle, where things that are
added mostly stand. This module draws; it knows no engine.

    draw_spot(image, "on the left", "a dog", finder)   -> mask L, a rounded box
    draw_area(image, "the left side", finder)          -> mask L, the left half
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from PIL import Image, ImageChops, ImageDraw

from inference.operations.ground import find_ground
from inference.operations.sky import find_sky


class Finder(Protocol):
    """Whoever can tell where something is in the picture: masks L, 0 and 255, of its size, never empty.

    Each raises `MaskRequired` for what is not to be seen.
    """

    def subject(self) -> Image.Image:
        """What the picture is of."""

    def background(self) -> Image.Image:
        """All the rest."""

    def things(self, words: str) -> Image.Image:
        """Whatever ``words`` name."""

    def subject_if_known(self) -> Image.Image | None:
        """The subject, None if there is none or nobody here can tell."""


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
_GROUND = frozenset(("ground", "floor"))
_SUBJECT = frozenset(("subject", "main subject", "foreground", "main object", "foreground object"))
_BESIDE = {
    "left": r"(?:to |on )?(?:the )?left (?:side )?of",
    "right": r"(?:to |on )?(?:the )?right (?:side )?of",
    "top": r"above|over|atop|on top of",
    "bottom": r"below|under|underneath|beneath",
    "side": r"next to|beside|besides|near|by|close to|alongside",
    "around": r"behind|around|all around",
    "": r"on|onto|in|inside|into|at|upon|in front of|across|against",
}
"""Where something is to be put in relation to a thing, most telling first; "" is in its place."""
_PREPOSITIONS = tuple((side, re.compile(rf"(?:{words})\s+(.+)", re.IGNORECASE)) for side, words in _BESIDE.items())
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
_HEADWEAR = _words("hat cap crown helmet wig sunglasses glasses goggles hood tiara halo headphones turban bandana")
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


def say_spot(where: str | None) -> tuple[str, ...] | None:
    """Return the place of something to add, () if none is said, None if the words name a thing."""
    return () if where is None else say_place(where)


def say_area(target: str) -> str | None:
    """Return what to repaint: everything, sky, ground, background, subject or a key of `AREAS`; None for a thing."""
    plain = _without_article(target.lower())
    if plain in _WHOLE:
        return "everything"
    if plain in _GROUND:
        return "ground"
    if plain in _SUBJECT:
        return "subject"
    name = " ".join(say_place(plain) or ())
    return name if name in (*AREAS, "sky", "background") else None


def draw_spot(image: Image.Image, where: str | None, prompt: str, finder: Finder) -> Image.Image:
    """Return a mask (L, 0 and 255) of where to put ``prompt``. Raises `MaskRequired` for what is not to be seen."""
    places = say_spot(where)
    if places is None:
        assert where is not None
        return _draw_at_thing(image, where, prompt, finder)
    column = next((place for place in places if place in ("left", "right")), None)
    first = " ".join(places) if " ".join(places) in SPOTS else places[0]
    spot = SPOTS[first]
    if first in ("background", "foreground", "sky") and column is not None:
        spot = Spot(SPOTS[column].x, spot.y, spot.width / 2, spot.height)
    elif first not in ("background", "foreground", "sky"):
        spot = _shape(spot, prompt)
    if first == "background":
        return _draw_behind(image, spot, finder.subject_if_known())
    if first != "sky":
        return draw_box(image.size, spot)
    sky = find_sky(image)
    box = sky.getbbox() or (0, 0, *image.size)
    middle = (box[1] + box[3]) / 2 / image.height
    inside = ImageChops.darker(draw_box(image.size, Spot(spot.x, middle, spot.width, spot.height)), sky)
    return inside if inside.getbbox() is not None else sky


def draw_area(image: Image.Image, target: str, finder: Finder) -> Image.Image:
    """Return a mask (L, 0 and 255) of ``target``. Raises `MaskRequired` for what is not to be seen."""
    name = say_area(target)
    if name is None:
        return finder.things(_without_article(target))
    if name == "subject":
        return finder.subject()
    if name == "background":
        return finder.background()
    if name == "ground":
        return find_ground(image, finder.subject_if_known())
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


def _draw_behind(image: Image.Image, spot: Spot, subject: Image.Image | None) -> Image.Image:
    """Draw ``spot`` around the subject; where the subject fills it, a strip over the whole width above."""
    if subject is None:
        return draw_box(image.size, spot)
    free = ImageChops.invert(subject)
    for tried in (spot, Spot(0.5, 0.3, 9.0, 0.6), Spot(0.5, 0.5, 9.0, 9.0)):
        inside = ImageChops.darker(draw_box(image.size, tried), free)
        if sum(inside.histogram()[128:]) >= 0.06 * image.width * image.height:
            return inside
    return draw_box(image.size, spot)  # a picture that is all subject: what is asked for goes over it


def _draw_at_thing(image: Image.Image, where: str, prompt: str, finder: Finder) -> Image.Image:
    """Draw where to put ``prompt`` at, beside, above or below the thing that ``where`` names."""
    side, words = split_preposition(where)
    thing = finder.things(words)
    box = thing.getbbox()
    assert box is not None  # a finder never answers with an empty mask
    width, height = box[2] - box[0], box[3] - box[1]
    if side == "":
        # A part of the thing, so that it stays what it is: the top for what is worn on a head, else the middle.
        worn = not _HEADWEAR.isdisjoint(re.split(r"[^a-z]+", prompt.lower()))
        middle, tall = (0.15, 0.3) if worn else (0.5, 0.6)
        return _box_at(image.size, (box[0] + box[2]) / 2, box[1] + middle * height, 0.6 * width, tall * height)
    if side == "side":
        side = "right" if image.width - box[2] >= box[0] else "left"
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    x += {"left": -width, "right": width}.get(side, 0)
    y += {"top": -height, "bottom": height}.get(side, 0)
    grown = 2 if side == "around" else 1
    beside = _box_at(image.size, x, y, grown * width, grown * height)
    free = ImageChops.darker(beside, ImageChops.invert(thing))
    return free if free.getbbox() is not None else beside


def _box_at(size: tuple[int, int], x: float, y: float, width: float, height: float) -> Image.Image:
    return draw_box(size, Spot(x / size[0], y / size[1], width / min(size), height / min(size)))


def split_preposition(where: str) -> tuple[str, str]:
    """Return the side and the thing: "to the left of the house" -> ("left", "house"), "on the man" -> ("", "man")."""
    plain = " ".join(where.split())
    for side, pattern in _PREPOSITIONS:
        found = pattern.fullmatch(plain)
        if found is not None:
            return side, _without_article(found[1])
    return "", _without_article(plain)


def _without_article(words: str) -> str:
    return re.sub(r"^(the|a|an)\s+(?=\S)", "", " ".join(words.split()), flags=re.IGNORECASE)
