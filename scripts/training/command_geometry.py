"""Phrasings of size and shape: extend, rotate, flip, resize, crop.

Knows nothing of how clauses are joined. Each function draws one clause of its kind.
"""

from __future__ import annotations

import random

from scripts.training.command_clauses import Clause, expand, lines, said
from scripts.training.command_geometry_words import (
    ALL,
    BIGGER,
    BOTH,
    CROP_ASPECT,
    CROP_SIZE,
    CROP_TO,
    DOUBLE,
    EDGE,
    EXTEND,
    HALF,
    LEFT,
    MIRROR,
    OVER,
    OVER_LOOSE,
    OVERTURN,
    PAIRS,
    PERCENT,
    RIGHT,
    SIDES,
    SIZES,
    SMALLER,
    SQUARE,
    TURN,
    VERBS,
    WIDE,
)
from scripts.training.command_objects import compact


def clause(text: str, **operation: object) -> Clause:
    """A clause of one operation; imperative if its first word is one of the verbs."""
    first = text.split()[0].lower()
    return Clause(text, [compact(**operation)], imperative=first in VERBS)


def extent(rng: random.Random) -> int:
    """A length in pixels."""
    return rng.choice(SIZES) if rng.random() < 0.8 else rng.randint(20, 3000)


def pixels(rng: random.Random) -> str:
    """A unit after a length, or none."""
    return rng.choice((" pixels", " pixels", "px", " px", "", "", " pixel"))


def percents(rng: random.Random, share: float) -> str:
    """A share as it is said: `30%`, `thirty percent`, `30 per cent`."""
    return said(rng, share) + rng.choice((" percent", "%", "%", " percent", " per cent"))


def dimensions(rng: random.Random) -> tuple[str, int, int]:
    """A width and a height, and how they are said."""
    width, height = rng.choice(PAIRS) if rng.random() < 0.5 else (extent(rng), extent(rng))
    share = rng.choice((0.0, 0.0, 0.0, 1.0)) if rng.random() < 0.5 else 0.0
    link = (
        rng.choice((" by ", " by ", "x", "x", " x ", "×", " times "))
        if share < 1
        else rng.choice((" by ", " by ", " times "))
    )
    unit = rng.choice(("", "", "", " pixels", " px", "px"))
    if rng.random() < 0.06:
        return (
            expand(
                rng,
                "{w}(px| pixels|) wide (and|by) {h}(px| pixels|) (high|tall)",
                w=said(rng, width),
                h=said(rng, height),
            ),
            width,
            height,
        )
    if rng.random() < 0.03:
        return f"width {said(rng, width)} and height {said(rng, height)}", width, height
    return f"{said(rng, width, share)}{link}{said(rng, height, share)}{unit}", width, height


def extend(rng: random.Random) -> Clause:
    """More picture at a side."""
    share = rng.choice((10, 20, 30, 40, 50, 50, 15, 25, 75, 100, 5, 35, 60)) if rng.random() < 0.4 else None
    how = ""
    if share is not None:
        how = rng.choice((" by ", " by ", " by ", " ")) + percents(rng, share)
    elif rng.random() < 0.12:
        how = rng.choice((" a bit", " more", " further", " a little"))
    if rng.random() < 0.25:
        return clause(
            expand(rng, rng.choice(ALL)) + (how if share else ""), op="extend", side="all", percent=share or 25
        )
    side = rng.choices(list(SIDES), (5, 5, 4, 4, 3))[0]
    if rng.random() < 0.2 and side != "all":
        text = expand(rng, rng.choice(EDGE), side=side) + how
    elif rng.random() < 0.12 and side in ("left", "right"):
        other = "right" if side == "left" else "left"
        text = expand(rng, "extend {it} (to the |on the |){a} and {b}", a=side, b=other) + how
        both = [{"op": "extend", "side": name, "percent": share or 25} for name in (side, other)]
        return Clause(text, both)
    else:
        spoken = rng.choice(lines(SIDES[side]))
        text = expand(rng, rng.choice(EXTEND), side=spoken) + how
        if share is not None and rng.random() < 0.15:
            text = expand(rng, "add {n} (more |)(space |room |canvas |)(S)", n=percents(rng, share)).replace(
                "S", spoken
            )
        elif share is not None and rng.random() < 0.3:
            text = expand(rng, "(extend|expand|outpaint|grow) {it} by {n} {side}", n=percents(rng, share), side=spoken)
    return clause(text, op="extend", side=side, percent=share or 25)


def rotate(rng: random.Random) -> Clause:
    """The picture turned."""
    kind = rng.random()
    if kind < 0.34:
        return clause(f"{expand(rng, rng.choice(TURN))} {rng.choice(RIGHT)}", op="rotate", degrees=90)
    if kind < 0.55:
        return clause(f"{expand(rng, rng.choice(TURN))} {rng.choice(LEFT)}", op="rotate", degrees=-90)
    if kind < 0.62:
        return clause(f"{expand(rng, rng.choice(TURN))} {rng.choice(OVER)}", op="rotate", degrees=180)
    if kind < 0.69:
        return clause(expand(rng, rng.choice(OVER_LOOSE)), op="rotate", degrees=180)
    if kind < 0.73:
        return clause(
            expand(rng, "(rotate {it}|rotate the {img}|rotate|turn the {img}|give {it} a quarter turn)"),
            op="rotate",
            degrees=90,
        )
    angle: float = (
        rng.choice((5, 10, 15, 20, 30, 45, 45, 60, 120, 135, 2, 3, 8, 12, 25, 35, 75, 100, 150))
        if rng.random() < 0.85
        else rng.randint(1, 179)
    )
    if rng.random() < 0.05:
        angle += 0.5
    way, sign = rng.choice(
        (("", 1), ("", 1), (" clockwise", 1), (" to the right", 1), (" right", 1), (" counterclockwise", -1),
         (" counter-clockwise", -1),
         (" anticlockwise", -1), (" to the left", -1), (" left", -1), (" anti-clockwise", -1),
         (" counter clockwise", -1))
    )  # fmt: skip
    unit = rng.choice((" degrees", " degrees", " degrees", " degree", "°", "", " deg"))
    number = said(rng, angle)
    if not way and rng.random() < 0.25:
        sign, number = -1, rng.choice(("-", "minus ")) + said(rng, angle, 0.0)
    if unit == "" and way and rng.random() < 0.5:
        unit = " degrees"
    verb = expand(rng, rng.choice((*TURN, "tilt {it}", "straighten {it}")))
    if way and rng.random() < 0.3:
        text = f"{verb}{way} {rng.choice(('by ', '', 'by '))}{number}{unit}"
    else:
        text = f"{verb} {rng.choice(('by ', '', ''))}{number}{unit}{way}"
    degrees = sign * angle
    return clause(text, op="rotate", degrees=int(degrees) if float(degrees).is_integer() else degrees)


def flip(rng: random.Random) -> Clause:
    """The picture mirrored."""
    if rng.random() < 0.03:
        first, second = rng.sample(("horizontal", "vertical"), 2)
        text = expand(rng, "(flip|mirror) {it} (A|both A) and B").replace("A", first + "ly").replace("B", second + "ly")
        return Clause(text, [{"op": "flip", "axis": first}, {"op": "flip", "axis": second}])
    if rng.random() < 0.6:
        return clause(expand(rng, rng.choice(MIRROR)), op="flip", axis="horizontal")
    return clause(expand(rng, rng.choice(OVERTURN)), op="flip", axis="vertical")


def resize(rng: random.Random) -> Clause:
    """Another size."""
    kind = rng.random()
    if kind < 0.40:
        for limit, phrases, percent in (
            (0.12, SMALLER, 50),
            (0.24, BIGGER, 150),
            (0.32, HALF, 50),
            (0.40, DOUBLE, 200),
        ):
            if kind < limit:
                return clause(expand(rng, rng.choice(phrases)), op="resize", percent=percent)
    if kind < 0.54:
        share = rng.choice((10, 20, 25, 30, 33, 40, 50, 60, 66, 70, 75, 80, 90, 110, 120, 125, 150, 200, 250, 300, 400))
        return clause(expand(rng, rng.choice(PERCENT), n=percents(rng, share)), op="resize", percent=share)
    if kind < 0.60:
        change = rng.choice((10, 15, 20, 25, 30, 40, 60))
        if rng.random() < 0.5:
            text = expand(
                rng,
                "(make {it} {n} smaller|shrink {it} by {n}|reduce the size by {n}|scale {it} down by {n})",
                n=percents(rng, change),
            )
            return clause(text, op="resize", percent=100 - change)
        text = expand(
            rng,
            "(make {it} {n} (bigger|larger)|enlarge {it} by {n}|increase the size by {n}|scale {it} up by {n})",
            n=percents(rng, change),
        )
        return clause(text, op="resize", percent=100 + change)
    if kind < 0.64:
        times, percent = rng.choice(
            (("three times", 300), ("3x", 300), ("four times", 400), ("3 times", 300), ("4x", 400), ("triple", 300))
        )
        if times == "triple":
            return clause(
                expand(rng, "(triple the size|make it triple the size|triple {it})"), op="resize", percent=percent
            )
        return clause(
            expand(rng, "(make {it} {t} (bigger|larger|as big|the size)|scale {it} {t}|upscale {it} {t})", t=times),
            op="resize",
            percent=percent,
        )
    if kind < 0.82:
        spoken, width, height = dimensions(rng)
        return clause(expand(rng, rng.choice(BOTH), d=spoken), op="resize", width=width, height=height)
    length = extent(rng)
    text = expand(rng, rng.choice(WIDE), n=said(rng, length) + pixels(rng))
    if rng.random() < 0.6:
        return clause(text, op="resize", width=length)
    tall = rng.choice(("high", "tall"))
    for wide, high in ((" wide", f" {tall}"), ("width", "height")):
        text = text.replace(wide, high)
    return clause(text, op="resize", height=length)


def crop(rng: random.Random) -> Clause:
    """A part of the picture."""
    kind = rng.random()
    if kind < 0.28:
        return clause(expand(rng, rng.choice(SQUARE)), op="crop", aspect="1:1")
    if kind < 0.55:
        wide, high = rng.choice(
            (
                (16, 9),
                (16, 9),
                (4, 3),
                (3, 2),
                (9, 16),
                (4, 5),
                (2, 3),
                (21, 9),
                (3, 4),
                (5, 4),
                (2, 1),
                (1, 1),
                (1, 2),
                (16, 10),
                (3, 1),
            )
        )
        share = rng.choice((0.0, 0.0, 1.0))
        link = rng.choice((":", ":", " by ", " to ", ":", "x")) if share < 1 else rng.choice((" by ", " to ", " by "))
        return clause(
            expand(rng, rng.choice(CROP_ASPECT), a=f"{said(rng, wide, share)}{link}{said(rng, high, share)}"),
            op="crop",
            aspect=f"{wide}:{high}",
        )
    if kind < 0.75:
        spoken, width, height = dimensions(rng)
        return clause(expand(rng, rng.choice(CROP_SIZE), d=spoken), op="crop", width=width, height=height)
    if rng.random() < 0.5:
        spoken = rng.choice(
            [
                "the face",
                "the face",
                "his face",
                "her face",
                "my face",
                "the person's face",
                "face",
                "the man's face",
                "the woman's face",
                "their face",
                "the head",
            ][:9]
        )
        return clause(expand(rng, rng.choice(CROP_TO), t=spoken), op="crop", to="face")
    spoken = rng.choice(
        [
            "the subject",
            "the subject",
            "the main subject",
            "the main object",
            "subject",
            "the person",
            "the main thing",
        ][:5]
    )
    return clause(expand(rng, rng.choice(CROP_TO), t=spoken), op="crop", to="subject")
