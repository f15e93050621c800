"""Phrasings of what is done last: trim, border, convert.

Knows nothing of how clauses are joined. Each function draws one clause of its kind.
"""

from __future__ import annotations

import random

from scripts.training import command_vocabulary as words
from scripts.training.command_clauses import Clause, copied, expand, said
from scripts.training.command_geometry import clause, pixels
from scripts.training.command_geometry_words import BORDER, CONVERT, TRIM


def trim(rng: random.Random) -> Clause:
    """No empty edges."""
    return clause(expand(rng, rng.choice(TRIM)), op="trim")


def border(rng: random.Random) -> Clause:
    """A frame in one colour."""
    width = (
        rng.choice((1, 2, 3, 4, 5, 8, 10, 12, 15, 16, 20, 25, 30, 32, 40, 50, 60, 80, 100))
        if rng.random() < 0.45
        else None
    )
    named, css = words.color(rng) if rng.random() < 0.62 else ("", None)
    noun = rng.choice(("border", "border", "border", "border", "frame", "outline", "edge border"))
    size = said(rng, width) + rng.choice((" pixel", " pixels", "px", " px", "-pixel")) if width else ""
    form = rng.random()
    if form < 0.55:
        inner = (
            " ".join(part for part in rng.sample((size, named), 2) if part)
            if rng.random() < 0.3
            else f"{size} {named}".strip()
        )
        phrase = words.with_article(f"{inner} {noun}".strip())
        if size and size.strip("\x01\x02").startswith(("8", "eight", "eleven")):
            phrase = "a" + phrase.removeprefix("an").removeprefix("a")
    else:
        phrase = f"a {named + ' ' if named and form < 0.75 else ''}{noun}"
        if width:
            phrase += " " + expand(
                rng, "(of {n}|with {n}|that is {n} wide|{n} wide|{n} thick)", n=said(rng, width) + pixels(rng)
            )
        if named and form >= 0.75:
            phrase += f" in {named}"
        if width and named and rng.random() < 0.3:
            phrase = f"a {named} {noun}, {said(rng, width)}{pixels(rng)} {rng.choice(('wide', 'thick'))}"
    text = expand(rng, rng.choice(BORDER), b=phrase)
    if width is None and css is None and rng.random() < 0.3:
        text = expand(
            rng,
            "(frame {it}|put a frame around {it}|add a border|border|add borders|put a border on {it}|frame it|"
            "add a frame)",
        )
    return clause(text, op="border", width=width or 20, color=css or "white")


def convert(rng: random.Random) -> Clause:
    """Another file format."""
    spoken, name = rng.choice(
        (("png", "png"), ("PNG", "png"), ("jpeg", "jpeg"), ("JPEG", "jpeg"), ("jpg", "jpeg"), ("JPG", "jpeg"),
         ("webp", "webp"), ("WebP", "webp"),
         ("WEBP", "webp"), ("web p", "webp"), ("a jpg", "jpeg"), ("a png", "png"), ("p n g", "png"), ("j peg",
         "jpeg"), (".png", "png"), (".jpg", "jpeg"))
    )  # fmt: skip
    text = (
        expand(rng, rng.choice(CONVERT), f=copied(spoken)).replace("a \x01a ", "\x01a ").replace("an \x01a ", "\x01a ")
    )
    quality = None
    if name != "png" and rng.random() < 0.4:
        quality = rng.choice((50, 60, 70, 75, 80, 85, 90, 92, 95, 100, 10, 30, 40))
        if rng.random() < 0.2:
            return clause(
                f"{text}{rng.choice((', ', ' with ', ' at ', ' in '))}{said(rng, quality)}"
                f"{rng.choice(('%', ' percent'))} quality",
                op="convert",
                format=name,
                quality=quality,
            )
        text += rng.choice(
            (" with quality ", " at quality ", " quality ", " with a quality of ", ", quality ", " at ")
        ) + said(rng, quality)
        text += rng.choice(("", "", " percent", "%")) if not text.rstrip("\x02").endswith("at") else ""
        if " at \x01" in text and not text.endswith(("%", "percent")):
            text += rng.choice((" percent", "% quality", " quality", " percent quality"))
    return clause(text, op="convert", format=name, quality=quality)
