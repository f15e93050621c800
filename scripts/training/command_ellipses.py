"""Clauses that leave words out: "sepia with a thin border", "flip and sharpen it", "make it square and brighter".

Beside them pairs that look like one edit and are two. Knows nothing of how clauses are joined. Each function draws one
clause of several operations.
"""

from __future__ import annotations

import random

from scripts.training import command_finishing as finishing
from scripts.training import command_geometry as geometry
from scripts.training import command_objects as objects
from scripts.training import command_tones as tones
from scripts.training import command_vocabulary as words
from scripts.training.command_clauses import Clause, Operation, copied, expand, place, relation, said
from scripts.training.command_tone_words import SLIGHTLY, STRONGLY, TABLE

_BARE: tuple[tuple[str, Operation], ...] = (
    ("(sepia|sepia tone|a sepia tone|sepia-toned)", {"op": "sepia"}),
    ("(black and white|B&W|grayscale|greyscale|monochrome|in black and white|no color)", {"op": "grayscale"}),
    ("(a square|square|a square crop|square format|cropped square)", {"op": "crop", "aspect": "1:1"}),
    ("(pixelated|pixelate)", {"op": "pixelate", "size": 10}),
    ("(mirrored|a mirror image|mirror image|flipped horizontally)", {"op": "flip", "axis": "horizontal"}),
    ("(upside down|rotated upside down)", {"op": "rotate", "degrees": 180}),
    ("(inverted|inverted colors|negative|a negative)", {"op": "invert"}),
    ("(half size|half the size)", {"op": "resize", "percent": 50}),
    ("(twice the size|double size)", {"op": "resize", "percent": 200}),
    ("(trimmed|trim)", {"op": "trim"}),
    ("(rotated right|rotated to the right)", {"op": "rotate", "degrees": 90}),
    ("(rotated left|rotated to the left)", {"op": "rotate", "degrees": -90}),
)
_VERBS: tuple[tuple[str, Operation], ...] = (
    ("flip", {"op": "flip", "axis": "horizontal"}),
    ("mirror", {"op": "flip", "axis": "horizontal"}),
    ("invert", {"op": "invert"}),
    ("sharpen", {"op": "sharpen", "amount": 20}),
    ("blur", {"op": "blur", "radius": 5}),
    ("brighten", {"op": "brightness", "amount": 20}),
    ("lighten", {"op": "brightness", "amount": 20}),
    ("darken", {"op": "brightness", "amount": -20}),
    ("pixelate", {"op": "pixelate", "size": 10}),
    ("trim", {"op": "trim"}),
    ("enhance", {"op": "autocontrast"}),
)
_PREDICATES: tuple[tuple[str, Operation], ...] = (
    *(("sepia", {"op": "sepia"}), ("black and white", {"op": "grayscale"}), ("grayscale", {"op": "grayscale"})),
    *(("square", {"op": "crop", "aspect": "1:1"}), ("upside down", {"op": "rotate", "degrees": 180})),
    *(("pixelated", {"op": "pixelate", "size": 10}), ("blurry", {"op": "blur", "radius": 5})),
    *(("half the size", {"op": "resize", "percent": 50}), ("twice as big", {"op": "resize", "percent": 200})),
    *(("smaller", {"op": "resize", "percent": 50}), ("bigger", {"op": "resize", "percent": 150})),
    *(("larger", {"op": "resize", "percent": 150}), ("monochrome", {"op": "grayscale"})),
)  # fmt: skip
_FIRST = (
    geometry.flip, geometry.rotate, geometry.crop, tones.grayscale, tones.sepia, tones.invert, finishing.trim,
    tones.autocontrast, tones.brightness, objects.remove_background, tones.blur, tones.pixelate,
)  # fmt: skip
_SIZES = (1, 2, 3, 4, 5, 8, 10, 12, 15, 20, 25, 30, 40, 50)


def grade(rng: random.Random) -> tuple[str, int]:
    """Words before a comparative and the size of the change."""
    level = rng.choice((20, 20, 10, 40))
    if level == 20:
        return "", 20
    if level == 10:
        return rng.choice([w for w in SLIGHTLY if w.startswith(("a ", "sl", "some", "just a"))]) + " ", 10
    return rng.choice([w for w in STRONGLY if w in ("a lot", "much", "way", "far")]) + " ", 40


def extra(rng: random.Random) -> tuple[str, Operation]:
    """A noun phrase that asks for one more thing: `a brown border`, `more contrast`, `a blue tint`."""
    kind = rng.random()
    if kind < 0.46:
        named, css = words.color(rng) if rng.random() < 0.75 else ("", "white")
        width = rng.choice(_SIZES) if rng.random() < 0.2 else None
        size = f"{said(rng, width)}{rng.choice(('px', ' px', ' pixel'))} " if width else ""
        inner = f"{size}{named + ' ' if named else ''}{rng.choice(('border', 'border', 'border', 'frame'))}"
        article = "an" if inner[0] in "aeiou" or inner.strip("\x01").startswith("8") else "a"
        return f"{article} {inner}", {"op": "border", "width": width or 20, "color": css}
    if kind < 0.72:
        table, up = rng.choice(TABLE), rng.random() < 0.65
        how, level = grade(rng)
        name = rng.choice(table.names).removeprefix("the ")
        return f"{how}{'more' if up else 'less'} {name}", {"op": table.op, "amount": level if up else -level}
    if kind < 0.80:
        named, css = words.color(rng)
        return f"{words.with_article(named)} tint", {"op": "tint", "color": css}
    if kind < 0.87:
        return rng.choice(("a blurred background", "a blurry background", "the background blurred")), {
            "op": "blur",
            "radius": 5,
            "target": "background",
        }
    line = objects.content(rng)
    where, spoken = rng.choice((("top", " at the top"), ("bottom", ""), ("bottom", " at the bottom"),
                                ("center", " in the middle")))  # fmt: skip
    opener = rng.choice(("the words ", "the text ", "the caption ", "the title "))
    return f'{opener}"{copied(line)}"{spoken}', {"op": "text", "content": line, "where": where}


def comparative(rng: random.Random) -> tuple[str, Operation]:
    """`a bit brighter`."""
    table, up = rng.choice(TABLE), rng.random() < 0.6
    how, level = grade(rng)
    word = rng.choice(table.more if up else table.less)
    return f"{how}{word}", {"op": table.op, "amount": level if up else -level}


def elliptical(rng: random.Random) -> Clause:
    """A look or an edit with something beside it, and no verb for the second."""
    if rng.random() < 0.55:
        template, operation = rng.choice(_BARE)
        opener = rng.choice(("", "", "", "", "make it ", "I want it ", "I'd like it ", "turn it "))
        opener = opener if template.startswith(("(sepia|", "(black", "(pixelated")) else ""
        first = Clause(opener + expand(rng, template), [operation], imperative=opener in ("make it ", "turn it "))
        if first.text.endswith((" in black and white", "turn it no color", "it no color")):
            first.text = first.text.replace("turn it in", "make it in").replace("it no color", "it black and white")
    else:
        first = rng.choice(_FIRST)(rng)
    if rng.random() < 0.72:
        piece, operation = extra(rng)
        link = rng.choice((" with ", " with ", " with ", ", with ", " and ", " plus ", " and with ", " along with ",
                           ", ", " together with ", " but with "))  # fmt: skip
    else:
        piece, operation = comparative(rng)
        link = rng.choice((" but ", " and ", ", ", " only ", ", just ", ", but ", " and also "))
    operations = [*first.operations, operation]
    text = f"{first.text}{link}{piece}"
    more, third = comparative(rng) if rng.random() < 0.5 else extra(rng)
    if rng.random() < 0.25 and third["op"] not in {known["op"] for known in operations}:
        text += rng.choice((" and ", ", ", ", and ", " plus ")) + more
        operations.append(third)
    return Clause(text, operations, imperative=first.imperative)


def shared_object(rng: random.Random) -> Clause:
    """Two or three verbs before one object: `flip and sharpen the photo`."""
    chosen = rng.sample(_VERBS, rng.choice((2, 2, 2, 3)))
    while len({operation["op"] for _, operation in chosen}) < len(chosen):
        chosen = rng.sample(_VERBS, 2)
    verbs = [verb for verb, _ in chosen]
    text = ", ".join(verbs[:-1]) + rng.choice((" and ", " and ", " then ", " and then ", " & ")) + verbs[-1]
    return Clause(f"{text} {expand(rng, '{it}')}", [dict(operation) for _, operation in chosen])


def shared_verb(rng: random.Random) -> Clause:
    """Two or three adjectives behind one verb: `make it square, sepia and a bit brighter`."""
    drawn = [comparative(rng) if rng.random() < 0.45 else rng.choice(_PREDICATES) for _ in range(6)]
    kept: dict[object, tuple[str, Operation]] = {}
    for piece, operation in drawn:
        kept.setdefault(operation["op"], (piece, operation))
    parts = list(kept.values())[: rng.choice((2, 2, 3))]
    text = expand(rng, "(make|make|make|get|I want|I'd like) {it} ")
    joint = rng.choice((" and ", " and ", ", and ", ", ", " but also "))
    said_parts = [piece for piece, _ in parts]
    text += " " + ", ".join(said_parts[:-1]) + (joint if len(parts) > 1 else "") + said_parts[-1]
    return Clause(" ".join(text.split()), [dict(operation) for _, operation in parts], imperative=text[0] != "I")


def put_elsewhere(rng: random.Random) -> Clause:
    """One thing out and another in, at a place of its own: two edits, no replacement."""
    spoken, name = objects.target(rng, 0.1)
    what = words.thing(rng, 0.8)
    free = relation(rng)
    where_said, where = (copied(free), free) if rng.random() < 0.6 else place(rng)
    out = expand(rng, "(take out|remove|delete|take away|get rid of|erase|lose) ") + f" {spoken}"
    link = rng.choice((" and ", " and ", " and then ", ", then ", ", ", ", and "))
    put = rng.choice(("put", "add", "put", "place", "draw", "hang", "stick"))
    text = f"{out}{link}{put} {copied(what)} {where_said}"
    operations: list[Operation] = [
        {"op": "remove", "target": name},
        {"op": "generate", "prompt": what, "where": where},
    ]
    return Clause(" ".join(text.split()), operations)
