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
from scripts.training.command_hearing import FILLERS, HEARD, HEARD_TOGETHER

_BRITISH = {"color": "colour", "colors": "colours", "grayscale": "greyscale", "center": "centre", "centered": "centred",
            "colorful": "colourful", "pixelize": "pixelise", "colorless": "colourless",
            "normalize": "normalise"}  # fmt: skip
_AMERICAN = {british: american for american, british in _BRITISH.items()}
_NEIGHBOURS = {"a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo",
               "j": "hk", "k": "jl", "l": "k",
               "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry", "u": "yi",
               "v": "cb", "w": "qe", "x": "zc",
               "y": "tu", "z": "x"}  # fmt: skip
# words as careless people write them
_CARELESS = """please pls plz pleas plese|you u yuo|with w/ wiht wth|background bg backround bakground|
picture pic pict picure pitcure|and n & adn an nad|the teh th hte tha|right rite rihgt righ|thanks thx tnx|
add ad ad addd asd|make mk mak amke|grayscale greyscle grayscal|brighter briter brigter brihgter|lighter liter lihgter|
to ot tp too|it ti ut itt|are r|brightness britness brightnes|sepia sepea sephia|border boarder bordr|
rotate rotat roate rotae|vertically verticly vertcally|horizontally horizontly horizonatlly|
saturation satuartion saturatoin|contrast contarst constrast|temperature temprature temperture|sharpen sharpn shapren|
pixelate pixalate pixilate pixlate|remove remov rmeove removr|resize rezise resiez|transparent transparant trasparent|
square sqaure squere|replace repalce replase|invert invrt inverrt|white wite whit|black blck balck|write wirte writ"""
_SHORTHAND = {item.split()[0]: item.split()[1:] for item in _CARELESS.split("|")}
_WORD = re.compile(r"[A-Za-z]+")
_WHOLE = re.compile(r"(?<![\w'])[A-Za-z']+(?![\w'])")
_PAIR = re.compile(r"[A-Za-z]+ [A-Za-z]+")
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
    """One typing error in a word of three letters or more: two letters swapped, one left out, doubled or put in,
    a neighbour on the keyboard, or another vowel. The first letter is hit less often."""
    while True:
        at = rng.randrange(0 if rng.random() < 0.2 else 1, len(word))
        kind, letter = rng.random(), word[at]
        if kind < 0.34 and at + 1 < len(word):
            made = word[:at] + word[at + 1] + letter + word[at + 2 :]
        elif kind < 0.60 and at > 0:
            made = word[:at] + word[at + 1 :]
        elif kind < 0.72:
            made = word[:at] + letter + word[at:]
        elif kind < 0.79:
            made = word[:at] + rng.choice(_NEIGHBOURS.get(letter.lower(), "e")) + word[at:]
        elif kind < 0.88 and letter in "aeiou":
            made = word[:at] + rng.choice("aeiou") + word[at + 1 :]
        else:
            made = word[:at] + rng.choice(_NEIGHBOURS.get(letter.lower(), "e")) + word[at + 1 :]
        if made != word:
            return made


def mistype_some(rng: random.Random, text: str, count: int) -> str:
    """The text with some of its own words mistyped; copied words stay. Short words are hit less often."""
    parts = pieces(text)
    spots = [
        (i, m.span())
        for i, (part, held) in enumerate(parts)
        if not held
        for m in _WORD.finditer(part)
        if len(m[0]) >= 4 or (len(m[0]) == 3 and rng.random() < 0.35)
    ]
    for index, (start, end) in sorted(rng.sample(spots, min(count, len(spots))), reverse=True):
        part = parts[index][0]
        parts[index] = (part[:start] + mistype(rng, part[start:end]) + part[end:], False)
    return join(parts)


def hurry(rng: random.Random, text: str) -> str:
    """What else careless typing does: shorthand, no apostrophes, two words run together or one cut in two."""

    def shorten(match: re.Match[str]) -> str:
        short = _SHORTHAND.get(match[0].lower())
        return rng.choice(short) if short and rng.random() < 0.22 else match[0]

    bare = rng.random() < 0.4
    parts: list[tuple[str, bool]] = []
    for part, held in pieces(text):
        if not held:
            part = _WORD.sub(shorten, part.replace("'", "") if bare else part)
            gaps = [m.start() for m in re.finditer(r"(?<=[a-z]) (?=[a-z])", part)]
            if gaps and rng.random() < 0.10:
                at = rng.choice(gaps)
                part = part[:at] + part[at + 1 :]
            elif rng.random() < 0.03 and (inside := re.search(r"(?<=[a-z]{2})(?=[a-z]{3})", part)):
                part = part[: inside.start()] + " " + part[inside.start() :]
        parts.append((part, held))
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
    """The text with some words, and some pairs of words, heard wrongly."""

    def together(match: re.Match[str]) -> str:
        heard = HEARD_TOGETHER.get(match[0].lower())
        return rng.choice(heard) if heard and rng.random() < share / 2 else match[0]

    def hear(match: re.Match[str]) -> str:
        word = match[0]
        return rng.choice(HEARD[word.lower()]) if word.lower() in HEARD and rng.random() < share else word

    return join([(part if held else _WORD.sub(hear, _PAIR.sub(together, part)), held) for part, held in pieces(text)])


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
    """Fillers and repeated words: one at the start, or some before words; copied words are never cut."""
    if rng.random() < 0.4:
        return f"{rng.choice(FILLERS)} {text}"

    def stall(match: re.Match[str]) -> str:
        if rng.random() > 0.16:
            return match[0]
        filler = rng.choice(("um", "uh", "er", "uh", "um", "like", "you know"))
        return f"{match[0]} {filler} {match[0]}" if rng.random() < 0.3 else f"{filler} {match[0]}"

    parts = [(part if held else _WHOLE.sub(stall, part), held) for part, held in pieces(text)]
    if rng.random() < 0.5:  # "add a uh a bicycle"
        parts = [
            (f"{rng.choice(('a uh ', 'a um ', 'uh ', 'um ', 'like '))}{OPEN}{part}{CLOSE}", False)
            if held and part.startswith("a ")
            else (part, held)
            for part, held in parts
        ]
    return join(parts)
