"""What phrasings are made of: clauses, little templates, numbers and places as people say them.

A template is a line like `(make|turn) {it} (much |)brighter`: a group takes one of its alternatives at random, a
name in
braces is filled in. Words that a plan copies are put between marks, so that slips of the tongue never touch them.

    expand(rng, "(add|put in) {what}", what=copied("a dog"))
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Any

from scripts.training import command_vocabulary as words

Operation = dict[str, Any]

OPEN, CLOSE = "\x01", "\x02"
_GROUP = re.compile(r"\(([^()]*)\)")
_IT = """it|it|it|it|the picture|the image|the photo|this|this picture|this image|this photo|the whole thing|the pic|my
photo|my picture|the whole picture|the whole image|that|the shot|everything|this pic|the entire image|the
photograph"""
_ITS = [" ".join(item.split()) for item in _IT.split("|")]
_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = words.listed("_ _ twenty thirty forty fifty sixty seventy eighty ninety")


@dataclass
class Clause:
    """One thing said: words, the operations they mean, and how the words may be joined to others.

    `imperative` starts with a verb (so "please" or "can you" may precede it); `open_end` ends in words that are copied
    and would swallow what follows.
    """

    text: str
    operations: list[Operation] = field(default_factory=list)
    imperative: bool = True
    open_end: bool = False


def copied(text: str) -> str:
    """Marks words that the plan holds too."""
    return f"{OPEN}{text}{CLOSE}"


def expand(rng: random.Random, template: str, **slots: str) -> str:
    """One sentence of a template. `{it}` is a way to name the picture; `{img}` one with a noun."""
    while match := _GROUP.search(template):
        template = template[: match.start()] + rng.choice(match[1].split("|")) + template[match.end() :]
    if "{it}" in template:
        slots.setdefault("it", rng.choice(_ITS))
    if "{img}" in template:
        slots.setdefault("img", rng.choice(("picture", "image", "photo", "pic", "photograph", "shot")))
    return " ".join(template.format(**slots).split())


def lines(block: str) -> list[str]:
    """The alternatives of a block at the top level: `|` inside a group does not count."""
    found, depth, start = [], 0, 0
    for index, letter in enumerate(block):
        depth += (letter == "(") - (letter == ")")
        if letter == "|" and depth == 0:
            found.append(block[start:index])
            start = index + 1
    found.append(block[start:])
    return [" ".join(item.split()) for item in found]


def spelled(rng: random.Random, number: int) -> str:
    """A whole number in words: `forty five`, `forty-five`, `a hundred and twenty`, `ten eighty`."""
    if number < 20:
        return _UNITS[number]
    if number < 100:
        tens, unit = divmod(number, 10)
        return _TENS[tens] + (rng.choice(("-", " ")) + _UNITS[unit] if unit else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        head = ("a" if hundreds == 1 and rng.random() < 0.5 else _UNITS[hundreds]) + " hundred"
        return head + (rng.choice((" and ", " ")) + spelled(rng, rest) if rest else "")
    thousands, rest = divmod(number, 1000)
    if rest >= 10 and number % 100 >= 10 and thousands * 10 + rest // 100 >= 10 and rng.random() < 0.4:
        return f"{spelled(rng, number // 100)} {spelled(rng, number % 100)}"
    if rest and rest % 100 == 0 and rng.random() < 0.5:
        return f"{spelled(rng, number // 100)} hundred"
    head = ("a" if thousands == 1 and rng.random() < 0.3 else spelled(rng, thousands)) + " thousand"
    return head + (" " + spelled(rng, rest) if rest else "")


def said(rng: random.Random, number: float, words_share: float = 0.22) -> str:
    """A number in digits or, less often, in words. Digits are marked as copied, so that nothing changes them."""
    if isinstance(number, float) and not number.is_integer():
        whole, _, tail = str(number).partition(".")
        if rng.random() < words_share:
            return f"{spelled(rng, int(whole))} point {' '.join(_UNITS[int(d)] for d in tail)}"
        return copied(str(number).lstrip("0") if whole == "0" and rng.random() < 0.2 else str(number))
    whole_number = int(number)
    if rng.random() < words_share:
        return spelled(rng, whole_number)
    return copied(f"{whole_number:,}" if whole_number >= 1000 and rng.random() < 0.06 else str(whole_number))


def pick_amount(rng: random.Random, top: int = 100) -> int:
    """A percentage as people choose it: round ones mostly."""
    roll = rng.random()
    if roll < 0.55:
        return min(top, rng.randrange(5, top + 1, 5))
    if roll < 0.75:
        return min(top, rng.choice((10, 20, 25, 30, 50, 15, 75, 100, 40)))
    return rng.randint(1, top)


_SPOTS = {
    "left": "on the left|to the left|on the left side|on the left hand side|left|at the left|in the left|"
    "over on the left|"
    "on the far left|at the left side|on the left of the {img}|to the left of the {img}|on the left side of the {img}",
    "right": "on the right|to the right|on the right side|on the right hand side|right|at the right|in the right|"
    "over on "
    "the right|on the far right|at the right side|on the right of the {img}|to the right of the {img}|"
    "on the right side of "
    "the {img}",
    "top": "at the top|on top|at the very top|on the top|along the top|at the top of the {img}|in the upper part|"
    "up top|"
    "at the top edge|in the top part",
    "bottom": "at the bottom|on the bottom|at the very bottom|along the bottom|at the bottom of the {img}|"
    "in the lower part|"
    "at the bottom edge|down at the bottom|in the bottom part",
    "center": "in the center|in the middle|in the centre|at the center|right in the middle|dead center|centered|"
    "in the middle "
    "of the {img}|in the center of the {img}|in the very center|at the centre of the {img}|in the middle of it|"
    "smack in the middle",
    "top left": "in the top left|in the top left corner|in the upper left corner|in the upper left|top left|"
    "at the top left|"
    "on the top left|in the left upper corner|in the top-left corner|in the upper-left corner|"
    "in the top left of the {img}",
    "top right": "in the top right|in the top right corner|in the upper right corner|in the upper right|top right|"
    "at the top "
    "right|on the top right|in the top-right corner|in the upper-right corner|in the top right of the {img}",
    "bottom left": "in the bottom left|in the bottom left corner|in the lower left corner|in the lower left|"
    "bottom left|at the "
    "bottom left|on the bottom left|in the bottom-left corner|in the lower left of the {img}|in the lower-left corner",
    "bottom right": "in the bottom right|in the bottom right corner|in the lower right corner|in the lower right|"
    "bottom right|"
    "at the bottom right|on the bottom right|in the bottom-right corner|in the lower-right corner",
    "background": "in the background|to the background|in the background of the {img}|into the background|in the back|"
    "far in the background|way in the background",
    "foreground": "in the foreground|to the foreground|in the foreground of the {img}|into the foreground|in front|"
    "up front",
    "sky": "in the sky|to the sky|up in the sky|into the sky|high in the sky|across the sky|in the sky above",
}  # fmt: skip
_SPOT_CHOICES = {spot: [" ".join(item.split()) for item in ways.split("|")] for spot, ways in _SPOTS.items()}
_SPOT_WEIGHTS = {"left": 4, "right": 4, "background": 4, "sky": 4, "center": 3, "foreground": 3}
_SPOT_NAMES = list(_SPOTS)
SURFACES = words.listed("""table desk grass road street floor beach roof wall bench sofa shelf chair car house hill
lake water river
sidewalk path bed counter windowsill boat bridge fence tree mountain field plate rock ice snow sand balcony
porch stage tower cliff bus train stairs pavement lawn carpet horse hood window door fireplace castle island
pier dock horizon pond branch cake box mirror basket pillow wheel doorstep rooftop garden yard pool""")
_BODY = words.listed(
    """head face hand shoulder lap neck arm back nose eyes finger hair chest wrist ear left-hand right-hand mouth
    feet"""
)
_OWNERS = [
    "man's",
    "woman's",
    "girl's",
    "boy's",
    "dog's",
    "cat's",
    "his",
    "her",
    "their",
    "my",
    "child's",
    "statue's",
    "snowman's",
    "baby's",
    "horse's",
    "person's",
    "\nguy's",
    "lady's",
    "kid's",
]


def spot(rng: random.Random) -> tuple[str, str]:
    """A position of the picture: what is said and its canonical name."""
    name = rng.choices(_SPOT_NAMES, [_SPOT_WEIGHTS.get(n, 2) for n in _SPOT_NAMES])[0]
    return expand(rng, rng.choice(_SPOT_CHOICES[name])), name


def relation(rng: random.Random) -> str:
    """A place beside something: `on the table`, `in the man's hand`, `between the two trees`."""
    kind = rng.random()
    if kind < 0.30:
        preposition = rng.choice(
            words.listed("on on on on in near by at under behind over along across inside against onto into")
        )
        return f"{preposition} the {rng.choice(SURFACES)}"
    if kind < 0.55:
        preposition = rng.choice(
            [
                "next to",
                "beside",
                "behind",
                "in front of",
                "near",
                "under",
                "above",
                "on top of",
                "to the left of",
                "to the right of",
                "on the left of",
                "on the right of",
                "around",
                "below",
                "over",
                "close to",
                "underneath",
                "inside",
                "opposite",
                "by",
                "to the side of",
                "at the foot of",
                "left of",
                "right of",
            ]
        )
        return f"{preposition} the {words.described(rng, 0.75)}"
    if kind < 0.70:
        owner = " ".join(rng.choice(_OWNERS).split())
        owner = owner if owner in ("his", "her", "their", "my") else "the " + owner
        preposition = rng.choice(("on", "in", "on", "in", "over", "around", "above"))
        return f"{preposition} {owner} {rng.choice(_BODY).replace('-', ' ')}"
    if kind < 0.82:
        who = rng.choice([*words.PEOPLE, *words.ANIMALS])
        return f"{rng.choice(('on', 'on', 'next to', 'behind', 'beside', 'to', 'around'))} the {who}"
    if kind < 0.88:
        return f"between the {rng.choice(words.ANIMALS)} and the {rng.choice(words.THINGS)}"
    if kind < 0.92:
        return f"between the two {words.plural(words.noun(rng))}"
    if kind < 0.96:
        return rng.choice(("on him", "on her", "next to him", "behind her", "beside me", "on them", "behind them",
                           "in the corner",
                           "in the distance", "on the horizon", "on the ground", "in the air", "in the water",
                           "on the other side",
                           "in the empty space", "on the edge", "in her hair", "on its head", "in both corners",
                           "everywhere"))  # fmt: skip
    preposition = rng.choice(("at the edge of", "at the end of", "in the middle of", "on the side of"))
    return f"{preposition} the {rng.choice(SURFACES)}"


def place(rng: random.Random) -> tuple[str, str]:
    """Where something goes: what is said (marked as far as it is copied) and the plan's `where`."""
    if rng.random() < 0.52:
        return spot(rng)
    free = relation(rng)
    return copied(free), free
