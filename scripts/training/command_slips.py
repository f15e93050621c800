"""What happens to a sentence on its way: typing errors, another country's spelling, and speech as a recogniser
writes it.

Words between marks (`command_clauses.copied`) are what the plan copies: no slip touches those, except that speech
has no
capitals and no punctuation at all, there as well as in the plan. Knows nothing of what the words mean.
"""

from __future__ import annotations

import random
import re

from scripts.training.command_clauses import CLOSE, OPEN, Operation

_BRITISH = {"color": "colour", "colors": "colours", "grayscale": "greyscale", "center": "centre", "centered": "centred",
            "colorful": "colourful", "pixelize": "pixelise", "colorless": "colourless",
            "normalize": "normalise"}  # fmt: skip
_AMERICAN = {british: american for american, british in _BRITISH.items()}
_NEIGHBOURS = {"a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo",
               "j": "hk", "k": "jl", "l": "k",
               "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry", "u": "yi",
               "v": "cb", "w": "qe", "x": "zc",
               "y": "tu", "z": "x"}  # fmt: skip
# what a speech recogniser hears instead of the word; only where the command is still to be guessed
_HEARD = {
    "rotate": (
        "or take",
        "rotated",
        "road tate",
        "row tate",
        "rotates",
        "rotating",
        "ro tate",
        "wrote eight",
        "roe tate",
        "protate",
    ),
    "right": ("write", "rite", "wright", "riight"),
    "write": ("right",),
    "brighten": ("brighton", "bright in", "brightened", "bright and"),
    "brighter": ("brider", "bright her", "writer"),
    "border": ("boarder", "boarder", "bored her"),
    "hue": ("hugh", "you", "hew", "huge"),
    "flip": ("flipped", "flips", "flib", "phlip"),
    "blur": ("blurr", "blurred", "blare", "blurt"),
    "sepia": ("cepia", "see pia", "sepya", "cpia", "sea pia"),
    "crop": ("cropped", "crops", "crap", "krop"),
    "grayscale": ("gray scale", "grey scale", "great scale"),
    "greyscale": ("grey scale", "gray scale"),
    "pixelate": ("pixel ate", "pixelated", "pixel eight", "pixilate"),
    "invert": ("in vert", "inverts", "inverted", "and vert"),
    "sharpen": ("sharp in", "sharpened", "shopping", "sharp and"),
    "sharper": ("sharp her", "shopper"),
    "contrast": ("contrasts", "con trust", "contract"),
    "saturation": ("saturations", "situation"),
    "tint": ("tints", "tinted", "tent"),
    "resize": ("re size", "resized", "reside", "re-size"),
    "mirror": ("mere", "mirrored", "mira"),
    "extend": ("extent", "extends", "extended"),
    "remove": ("removed", "re move", "removes"),
    "add": ("at", "ad", "had", "ed"),
    "gamma": ("gama", "grandma"),
    "trim": ("trimmed", "trims"),
    "half": ("have",),
    "png": ("p n g", "ping", "p.n.g."),
    "jpeg": ("j peg", "jpg", "j-peg", "jay peg"),
    "erase": ("a race", "erased"),
    "background": ("back ground", "backgrounds"),
    "to": ("too",),
    "darker": ("dark her",),
    "warmer": ("warm her", "former"),
    "left": ("lift",),
    "monochrome": ("mono chrome",),
    "clockwise": ("clock wise", "clock-wise"),
    "counterclockwise": ("counter clockwise", "counter clock wise"),
    "auto": ("otto",),
    "sky": ("skye",),
    "by": ("buy", "bye"),
    "for": ("four", "fore"),
    "two": ("too", "to"),
    "four": ("for",),
    "eight": ("ate",),
    "one": ("won",),
    "blue": ("blew",),
    "red": ("read",),
    "green": ("grean", "greene"),
    "white": ("wight", "why't"),
    "brown": ("browne",),
    "please": ("pleas", "police"),
    "percent": ("per cent", "present"),
    "degrees": ("decrees", "degree's"),
    "pixels": ("pixel's", "pick sells"),
    "square": ("squared", "scare"),
    "save": ("safe",),
    "make": ("may",),
    "wide": ("why'd",),
    "replace": ("re place", "replaced"),
    "color": ("caller",),
    "text": ("tex", "texts"),
    "vertically": ("vertical", "vertical lee"),
    "horizontally": ("horizontal", "horizontal lee"),
}
_FILLERS = ("um", "uh", "er", "like", "you know", "so", "uhm", "well", "basically", "okay")
_WORD = re.compile(r"[A-Za-z]+")
_MARKS_AND_STOPS = re.compile(r"[“”\"!?;:]|(?<!\d)[.,](?=\s|$|\x01|\x02)|[.,](?=\s|$|\x02)")


def pieces(text: str) -> list[tuple[str, bool]]:
    """The text cut at the marks: (words, copied)."""
    found: list[tuple[str, bool]] = []
    for index, part in enumerate(re.split(f"[{OPEN}{CLOSE}]", text)):
        if part:
            found.append((part, index % 2 == 1))
    return found


def join(parts: list[tuple[str, bool]]) -> str:
    """The inverse of `pieces`."""
    return "".join(f"{OPEN}{part}{CLOSE}" if held else part for part, held in parts)


def strip_marks(text: str) -> str:
    """The sentence as it is written."""
    return text.replace(OPEN, "").replace(CLOSE, "")


def mistype(rng: random.Random, word: str) -> str:
    """One typing error: two letters swapped, one left out, doubled, or its neighbour on the keyboard."""
    at = rng.randrange(1, len(word) - 1)
    kind = rng.random()
    if kind < 0.35:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind < 0.65:
        return word[:at] + word[at + 1 :]
    if kind < 0.82:
        return word[:at] + word[at] + word[at:]
    return word[:at] + rng.choice(_NEIGHBOURS.get(word[at].lower(), "e")) + word[at + 1 :]


def mistype_some(rng: random.Random, text: str, count: int) -> str:
    """The text with some of its own words mistyped; copied words stay."""
    parts = pieces(text)
    spots = [
        (i, m.span())
        for i, (part, held) in enumerate(parts)
        if not held
        for m in _WORD.finditer(part)
        if len(m[0]) >= 4
    ]
    for index, (start, end) in sorted(rng.sample(spots, min(count, len(spots))), reverse=True):
        part = parts[index][0]
        parts[index] = (part[:start] + mistype(rng, part[start:end]) + part[end:], False)
    return join(parts)


def respell(rng: random.Random, text: str) -> str:
    """The text in British or American spelling."""
    table = rng.choice((_BRITISH, _AMERICAN))
    parts = [
        (part if held else re.sub(r"[a-z]+", lambda m: table.get(m[0], m[0]), part), held)
        for part, held in pieces(text)
    ]
    return join(parts)


def mishear(rng: random.Random, text: str, share: float) -> str:
    """The text with some words heard wrongly."""

    def hear(match: re.Match[str]) -> str:
        word = match[0]
        return rng.choice(_HEARD[word.lower()]) if word.lower() in _HEARD and rng.random() < share else word

    return join([(part if held else _WORD.sub(hear, part), held) for part, held in pieces(text)])


def flatten(text: str) -> str:
    """Without capitals and without punctuation between words; decimals and marks survive."""
    return (
        " ".join(_MARKS_AND_STOPS.sub(" ", text.lower()).split()).replace(f"{OPEN} ", OPEN).replace(f" {CLOSE}", CLOSE)
    )


def flatten_plan(plan: list[Operation]) -> list[Operation]:
    """The plan of a flattened sentence: its copied words are flattened too."""
    free = ("prompt", "target", "where", "content")
    return [{key: flatten(value) if key in free and isinstance(value, str) and operation["op"] in
             ("generate", "replace", "remove", "restyle", "text") else value for key,
             value in operation.items()} for operation in plan]  # fmt: skip


def hesitate(rng: random.Random, text: str) -> str:
    """A filler at the start."""
    return f"{rng.choice(_FILLERS)} {text}"
