"""Second thoughts ("rotate right, no, left") and reasons ("it's sideways, rotate it"): only the edit that is meant
counts."""

from __future__ import annotations

import random

from scripts.training import command_objects as objects
from scripts.training import command_vocabulary as words
from scripts.training.command_clauses import Clause, copied, place, spot
from scripts.training.command_joining import lower_first
from scripts.training.command_kinds import KINDS, draw_clause
from scripts.training.command_tone_words import TABLE

_REGRETS = """, no, make that |, no make that |, no, | no wait, |, wait, no, |, actually, |, actually |, sorry, |
, I mean |, or rather |. No, |. Actually, |. Wait, no, | no I mean |, scratch that, |. Scratch that, |, hmm no, |... no,
 |, no sorry, |, or no, | or no, | oh wait |, on second thought, |. On second thought |, forget that, |, make that |
 no make it | I meant |, correction, |, instead |. I changed my mind, |, nope, |, oops, |, uh, no, |
, no no, """.replace("\n", "").split("|")


def correct(rng: random.Random) -> Clause:
    """A second thought: what was said first does not count."""
    regret = rng.choice(_REGRETS)
    kind = rng.random()
    if kind < 0.22:
        pairs = (("right", 90), ("left", -90), ("upside down", 180), ("clockwise", 90), ("counterclockwise", -90))
        (first, _), (second, degrees) = rng.sample(pairs, 2)
        verb = rng.choice(("rotate", "rotate it", "turn it", "rotate the picture", "rotate the image"))
        return Clause(
            f"{verb} {first}{regret}"
            f"{rng.choice(('', '', 'rotate it ', 'to the ' if second in ('left', 'right') else ''))}{second}",
            [{"op": "rotate", "degrees": degrees}],
        )
    if kind < 0.38:
        what, other = words.thing(rng, 0.8), words.thing(rng, 0.8)
        if rng.random() < 0.5:
            (first, _), (second, where) = spot(rng), spot(rng)
            text = f"add {copied(what)} {first}{regret}{rng.choice(('', 'put it '))}{second}"
            return Clause(text, [{"op": "generate", "prompt": what, "where": where}])
        return Clause(
            f"{rng.choice(('add', 'put in', 'draw', 'I want'))} {copied(what)}{regret}"
            f"{rng.choice(('', '', 'add '))}{copied(other)}",
            [{"op": "generate", "prompt": other}],
        )
    if kind < 0.48:
        first_n, second_n = rng.sample((100, 200, 300, 400, 500, 600, 640, 800, 1000, 1024, 1200, 1920), 2)
        unit = rng.choice((" wide", " pixels wide"))
        return Clause(
            f"resize it to {first_n}{unit}{regret}{second_n}{rng.choice(('', unit))}",
            [{"op": "resize", "width": second_n}],
        )
    if kind < 0.60:
        table = rng.choice(TABLE)
        return Clause(
            f"make it {rng.choice(table.more)}{regret}{rng.choice(table.less)}", [{"op": table.op, "amount": -20}]
        )
    if kind < 0.68:
        (first, _), (second, css) = words.color(rng), words.color(rng)
        if rng.random() < 0.5:
            return Clause(
                f"add a {first} border{regret}{rng.choice(('', 'a '))}{second}{rng.choice(('', ' one'))}",
                [{"op": "border", "width": 20, "color": css}],
            )
        return Clause(f"tint it {first}{regret}{second}", [{"op": "tint", "color": css}])
    if kind < 0.76:
        first_t, second_t = objects.target(rng, 0), objects.target(rng, 0)
        return Clause(
            f"{rng.choice(('remove', 'delete', 'erase'))} {first_t[0]}{regret}{second_t[0]}",
            [{"op": "remove", "target": second_t[1]}],
        )
    if kind < 0.82:
        axis = rng.choice(("horizontal", "vertical"))
        first = "vertically" if axis == "horizontal" else "horizontally"
        return Clause(f"flip it {first}{regret}{axis}ly", [{"op": "flip", "axis": axis}])
    if kind < 0.93:
        return correct_detail(rng, regret)
    wrong, right = draw_clause(rng), draw_clause(rng)
    if not wrong.imperative or not right.imperative or wrong.open_end:
        return rotate_instead(rng)
    link = rng.choice([r for r in _REGRETS if "make" not in r and "instead" not in r and "mean" not in r])
    return Clause(
        f"{wrong.text}{link}{rng.choice(('', '', 'just ', 'rather '))}{lower_first(right.text)}",
        right.operations,
        open_end=right.open_end,
    )


def correct_detail(rng: random.Random, regret: str) -> Clause:
    """A second thought about one detail; what was said of the rest still counts."""
    kind = rng.randrange(9)
    if kind == 0:
        what, other = words.thing(rng, 0.8), words.thing(rng, 0.8)
        said_place, where = place(rng)
        verb = rng.choice(("add", "put", "place", "draw"))
        return Clause(
            f"{verb} {copied(what)} {said_place}{regret}{copied(other)}",
            [{"op": "generate", "prompt": other, "where": where}],
        )
    if kind == 1:
        first, second = rng.sample((("png", "png"), ("jpeg", "jpeg"), ("jpg", "jpeg"), ("webp", "webp")), 2)
        return Clause(
            f"{rng.choice(('save it as', 'convert it to', 'save as', 'export it as'))} "
            f"{rng.choice(('', 'a '))}{first[0]}{regret}{rng.choice(('', 'a ', 'as '))}{second[0]}",
            [{"op": "convert", "format": second[1]}],
        )
    if kind == 2:
        first, second = rng.sample(
            (
                ("16:9", "16:9"),
                ("square", "1:1"),
                ("4:3", "4:3"),
                ("a square", "1:1"),
                ("3:2", "3:2"),
                ("9:16", "9:16"),
                ("16 by 9", "16:9"),
            ),
            2,
        )
        return Clause(
            f"crop {rng.choice(('it ', ''))}to {first[0]}{regret}{second[0]}", [{"op": "crop", "aspect": second[1]}]
        )
    if kind == 3:
        line = objects.content(rng)
        first, second = rng.sample(
            (
                ("at the top", "top"),
                ("at the bottom", "bottom"),
                ("in the middle", "center"),
                ("in the center", "center"),
            ),
            2,
        )
        return Clause(
            f"{rng.choice(('write', 'add the text', 'put the words'))} {copied(line)} {first[0]}{regret}{second[0]}",
            [{"op": "text", "content": line, "where": second[1]}],
        )
    if kind == 4:
        first, second = rng.sample((("left", "left"), ("right", "right"), ("top", "top"), ("bottom", "bottom")), 2)
        return Clause(
            f"extend {rng.choice(('it', 'the picture', 'the canvas'))} {rng.choice(('on', 'to'))} "
            f"the {first[0]}{regret}{rng.choice(('', 'the ', 'to the '))}{second[0]}",
            [{"op": "extend", "side": second[1], "percent": 25}],
        )
    if kind == 5:
        name, new, other = objects.target(rng, 0.0), words.thing(rng, 0.8), words.thing(rng, 0.8)
        verb, link = rng.choice((("replace", "with"), ("change", "to"), ("turn", "into"), ("swap", "for")))
        return Clause(
            f"{verb} {name[0]} {link} {copied(new)}{regret}{rng.choice(('', '', link + ' '))}{copied(other)}",
            [{"op": "replace", "target": name[1], "prompt": other}],
        )
    if kind == 6:
        look, other = rng.sample([words.style(rng) for _ in range(4)], 2)
        return Clause(
            f"{rng.choice(('make it look like', 'turn it into'))} "
            f"a {copied(look)}{regret}{rng.choice(('', 'a ', 'like a '))}{copied(other)}",
            [{"op": "restyle", "prompt": other}],
        )
    if kind == 7:
        table = rng.choice(TABLE)
        low, high = rng.sample(range(5, 95, 5), 2)
        return Clause(
            f"{rng.choice(('increase', 'raise', 'boost'))} the {table.names[0]} by {low}{regret}{high}",
            [{"op": table.op, "amount": high}],
        )
    low, high = rng.sample((4, 5, 8, 10, 12, 15, 20, 30, 40, 50), 2)
    if rng.random() < 0.5:
        return Clause(
            f"add a {low} pixel border{regret}{high}{rng.choice(('', ' pixels'))}",
            [{"op": "border", "width": high, "color": "white"}],
        )
    return Clause(
        f"pixelate it with size {low}{regret}{rng.choice(('', 'size '))}{high}",
        [{"op": "pixelate", "size": high}],
    )


_REASONS = {
    "rotate": (
        "it's sideways",
        "the photo is lying on its side",
        "it is crooked",
        "the horizon is tilted",
        "the scanner got it the wrong way round",
        "my phone held it wrong",
    ),
    "brightness": (
        "it's hard to see anything",
        "I took it in the evening",
        "it was a cloudy day",
        "the flash went off",
    ),
    "saturation": ("it's a bit boring", "the camera did a bad job", "the colours are not right"),
    "temperature": ("it feels like winter", "the light is strange", "it was taken indoors"),
    "sharpen": ("my hand was shaking", "the lens was dirty", "it's an old scan"),
    "contrast": ("it looks like fog", "it was a hazy day"),
    "crop": ("I need this for my profile", "there is too much around it", "it's for a post", "it has to fit the frame"),
    "resize": ("the file is huge", "it's for a website", "it has to fit on my phone", "the upload limit is small"),
    "convert": ("the site won't take it", "my printer is picky", "I have to send it by mail"),
    "generate": (
        "it looks empty",
        "something is missing",
        "it's too lonely in there",
        "my daughter wants it",
        "it's almost christmas",
    ),
    "restyle": ("I'd like to hang it on the wall", "for fun", "my kids will love it", "it's for a book cover"),
    "border": ("it's for my album", "it gets lost on a white page", "I want to print it"),
    "flip": ("he looks the wrong way", "the writing is backwards", "it's a selfie"),
    "trim": ("there's white all around", "it has ugly margins", "the scan has empty edges"),
    "grayscale": ("colors don't suit it", "it's for the newspaper"),
    "remove_background": ("I need it for a sticker", "it's for the shop", "it's for a logo"),
    "blur": ("there's too much going on", "it's distracting"),
    "text": ("it's a card for my mum", "it's for an invitation", "it's a meme"),
}


def reasoned(rng: random.Random) -> Clause:
    """A reason and then what to do about it: only the edit counts."""
    if rng.random() < 0.3:
        table = rng.choice(TABLE)
        up = rng.random() < 0.6
        wrong = rng.choice(table.too_little if up else table.too_much)
        verb = rng.choice(
            (
                f"make it {rng.choice(table.more if up else table.less)}",
                rng.choice(table.raise_ if up else table.lower).replace("{it}", "it").replace("{img}", "picture"),
            )
        )
        opener = rng.choice(("it is", "the picture is", "this looks", "the image is", "that is"))
        much = rng.choice(("too ", "too ", "so "))
        text = f"{opener} {much}{wrong}{rng.choice((', ', ' so ', '. ', ', please ', ', can you '))}{verb}"
        return Clause(text, [{"op": table.op, "amount": 20 if up else -20}], imperative=False)
    kind = rng.choice(sorted(_REASONS))
    clause = KINDS[kind][0](rng)
    for _ in range(8):
        if clause.imperative:
            break
        clause = KINDS[kind][0](rng)
    link = rng.choice((", ", ", ", ". ", " so ", ", please ", ", can you ", ". Please ", ", so please ", " - "))
    return Clause(
        rng.choice(_REASONS[kind]) + link + lower_first(clause.text),
        clause.operations,
        imperative=False,
        open_end=clause.open_end,
    )


def rotate_instead(rng: random.Random) -> Clause:
    """A second thought about an angle."""
    first, second = rng.sample((10, 15, 20, 30, 45, 60, 90, 180, 5), 2)
    return Clause(
        f"rotate it {first} degrees{rng.choice(_REGRETS)}{second}{rng.choice(('', ' degrees'))}",
        [{"op": "rotate", "degrees": second}],
    )
