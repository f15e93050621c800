"""Phrasings of light, colour and sharpness: brightness to tint, blur, pixelate, grayscale, sepia, invert, autocontrast.

Knows nothing of how clauses are joined. The five adjustments share one set of phrasings; a table says their words.
"""

from __future__ import annotations

import random

from scripts.training import command_vocabulary as words
from scripts.training.command_clauses import Clause, copied, expand, pick_amount, said
from scripts.training.command_objects import compact
from scripts.training.command_tone_words import (
    ADVERBS,
    AUTO,
    BEFORE_ONLY,
    BLUR,
    BLUR_BACK,
    GAMMA,
    GRAY,
    HUE,
    INVERT,
    LOWER,
    PIXELATE,
    RAISE,
    SEPIA,
    SLIGHTLY,
    STRONGLY,
    TABLE,
    TINT,
    VERBS,
    Words,
)


def clause(text: str, **operation: object) -> Clause:
    """A clause of one operation; imperative if its first word is one of the verbs."""
    return Clause(text, [compact(**operation)], imperative=text.split()[0].lower() in VERBS)


def grade(rng: random.Random) -> tuple[str, int]:
    """How much: nothing (20), a little (10) or a lot (40), and the words."""
    roll = rng.random()
    if roll < 0.45:
        return "", 20
    if roll < 0.74:
        return rng.choice(SLIGHTLY), 10
    return rng.choice(STRONGLY), 40


def adjust(rng: random.Random, table: Words) -> Clause:
    """One of the five adjustments by words, by a number or as a complaint."""
    up = rng.random() < 0.6
    sign = 1 if up else -1
    name = rng.choice(table.names).removeprefix("the ")
    comparative = rng.choice(table.more if up else table.less)
    verb = expand(rng, rng.choice(table.raise_ if up else table.lower))
    if rng.random() < 0.33:
        number = rng.choice((pick_amount(rng), pick_amount(rng), rng.choice((5, 10, 15, 20, 25, 30, 40, 50))))
        unit = rng.choice(("", "", "", " percent", "%", " points"))
        spoken = said(rng, number)
        change = "|".join(f"{step} the {name} by {{n}}" for step in (RAISE if up else LOWER).split("|"))
        forms = [f"({change})", f"({change})", f"({change})", f"{verb} by {{n}}", f"{verb} by {{n}}",
                 f"make {{it}} {{n}} {comparative}",
                 f"make {{it}} {comparative} by {{n}}", f"({'add|plus' if up else 'take off|minus'}) {{n}} {name}",
                 f"{verb} {{n}}"]  # fmt: skip
        if up:
            forms += [
                f"{name} {{n}}",
                f"{name} +{{n}}",
                f"set (the |){name} to {{n}}",
                f"{name} (up|to|plus|at) {{n}}",
                f"(set |put |)(the |){name} (at|to) {{n}}",
            ]
        else:
            forms += [
                f"{name} -{{n}}",
                f"{name} minus {{n}}",
                f"set (the |){name} to (-|minus ){{n}}",
                f"{name} down {{n}}",
                f"(put |)(the |){name} (at|to) (-|minus ){{n}}",
            ]
        unit_for = unit or (" percent" if rng.random() < 0.7 else "%")
        form = rng.choice(forms)
        text = expand(rng, form, n=spoken + (unit_for if "{n} " + comparative in form else unit))
        return clause(text.replace("- \x01", "-\x01"), op=table.op, amount=sign * number)
    how, level = grade(rng)
    kind = rng.random()
    if kind < 0.36:
        before = how if how and (how in BEFORE_ONLY or how in ADVERBS or rng.random() < 0.7) else ""
        after = how if how and not before else ""
        text = expand(rng, f"(make|make|make|make|get|turn) {{it}} {before} {comparative} {after}")
    elif kind < 0.62:
        after = {
            "much": "a lot",
            "way": "a lot",
            "far": "a lot",
            "so much": "a whole lot",
            "super": "massively",
            "extremely": "strongly",
            "very": "very much",
            "very very": "very much",
        }.get(how, how)
        after = "a lot" if after in ("really", "lots", "tons") and rng.random() < 0.7 else after
        text = f"{verb} {after}"
        if how in ADVERBS and rng.random() < 0.5:
            text = f"{how} {verb}"
    elif kind < 0.74:
        more = "more" if up else "less"
        how_before = {"really": "a lot", "strongly": "a lot", "heavily": "much", "massively": "way",
                      "majorly": "way", "subtly": "a bit", "gently": "slightly",
                      "drastically": "a lot", "super": "way", "extremely": "a lot", "very much": "much",
                      "very": "a lot", "very very": "a lot"}.get(how, how)  # fmt: skip
        opener = rng.choice(("", "", "give {it}", "I want", "add", "use", "it needs", "I'd like", "can I get", "with"))
        text = expand(rng, f"{opener if more == 'more' or opener != 'add' else ''} {how_before} {more} {name}")
    elif kind < 0.84:
        step = rng.choice((RAISE if up else LOWER).split("|"))
        after = {
            "much": "a lot",
            "way": "a lot",
            "far": "a lot",
            "so much": "a lot",
            "super": "a lot",
            "extremely": "a lot",
            "really": "a lot",
            "very": "a lot",
            "very very": "a lot",
        }.get(how, how)
        text = f"{step} the {name} {after}"
    elif kind < 0.94:
        wrong = rng.choice(table.too_little if up else table.too_much)
        how_wrong = {10: rng.choice(("a bit too", "a little too", "slightly too", "a tad too", "a little", "a bit",
                                     "just a bit too", "a touch too")),
                     40: rng.choice(("way too", "far too", "much too", "way way too", "very", "a lot too",
                                     "really very", "very very")), 20: rng.choice(("too", "too", "too",
                                     "so"))}[level]  # fmt: skip
        text = expand(rng, f"({{it}}|it|it|the {{img}}) (is|looks|'s|is|seems|came out) {how_wrong} {wrong}").replace(
            " 's", "'s"
        )
        return Clause(" ".join(text.split()), [compact(op=table.op, amount=sign * level)], imperative=False)
    else:
        text = expand(
            rng,
            f"({how} {comparative}|I want {{it}} {how} {comparative}|{{it}} should be {how} {comparative}|"
            f"{{it}} (needs to|could) be {how} {comparative}|{how} {comparative})",
        )
    return clause(" ".join(text.split()), op=table.op, amount=sign * level)


def several(rng: random.Random) -> Clause:
    """Two or three adjustments that share one verb: `make it brighter, sharper and a bit warmer`."""
    parts, operations = [], []
    for table in rng.sample(TABLE, rng.choice((2, 2, 3))):
        up = rng.random() < 0.65
        how, level = grade(rng)
        how = {
            "a lot": "a lot",
            "really": "a lot",
            "heavily": "a lot",
            "strongly": "much",
            "gently": "slightly",
            "subtly": "slightly",
        }.get(how, how)
        parts.append(f"{how} {rng.choice(table.more if up else table.less)}".strip())
        operations.append(compact(op=table.op, amount=level if up else -level))
    opener = expand(rng, "(make|make|make|get) {it} ")
    return Clause(
        opener + " " + ", ".join(parts[:-1]) + rng.choice((" and ", ", ", " and also ", " but ", ", and ")) + parts[-1],
        operations,
    )


def brightness(rng: random.Random) -> Clause:
    """Lighter or darker."""
    return adjust(rng, TABLE[0])


def contrast(rng: random.Random) -> Clause:
    """More or less contrast."""
    return adjust(rng, TABLE[1])


def saturation(rng: random.Random) -> Clause:
    """Stronger or weaker colours."""
    return adjust(rng, TABLE[2])


def temperature(rng: random.Random) -> Clause:
    """Warmer or cooler."""
    return adjust(rng, TABLE[3])


def sharpen(rng: random.Random) -> Clause:
    """Sharper or softer."""
    return adjust(rng, TABLE[4])


def hue(rng: random.Random) -> Clause:
    """The colour circle turned."""
    verb = expand(rng, rng.choice(HUE))
    if rng.random() < 0.35:
        return clause(verb, op="hue", degrees=90)
    angle = (
        rng.choice((10, 15, 20, 30, 45, 60, 90, 120, 180, 150, 75, 25, 40))
        if rng.random() < 0.85
        else rng.randint(1, 179)
    )
    sign, minus = (-1, rng.choice(("-", "minus "))) if rng.random() < 0.2 else (1, "")
    unit = rng.choice((" degrees", " degrees", "", "°"))
    text = f"{verb} {rng.choice(('by ', 'by ', ''))}{minus}{said(rng, angle, 0.0 if minus == '-' else 0.22)}{unit}"
    if rng.random() < 0.2:
        text = f"{rng.choice(('hue ', 'set the hue to ', 'hue by '))}{minus}{said(rng, angle, 0.0)}{unit}"
    return clause(text, op="hue", degrees=sign * angle)


def gamma(rng: random.Random) -> Clause:
    """Gamma correction."""
    if rng.random() < 0.35:
        return clause(expand(rng, rng.choice(GAMMA)), op="gamma", value=2.2)
    value = rng.choice((0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.2, 2.4, 2.5, 3, 0.45, 1.25))
    form = (
        "(gamma {n}|set (the |)gamma to {n}|apply (a |)gamma of {n}|gamma correction {n}|gamma to {n}|"
        "apply gamma {n}|change the gamma to {n}|"
        "gamma correct (it |)with {n}|use gamma {n}|adjust the gamma to {n}|gamma value {n}|"
        "gamma correction of {n}|make the gamma {n}|put the gamma at {n})"
    )
    return clause(expand(rng, form, n=said(rng, value)), op="gamma", value=value)


def tint(rng: random.Random) -> Clause:
    """A colour over all."""
    named, css = words.color(rng)
    text = expand(rng, rng.choice(TINT), c=copied(named) if named.startswith("#") else named)
    for vowel in "aeiou":
        text = text.replace(f" a {vowel}", f" an {vowel}") if rng.random() < 0.9 else text
    return clause(text, op="tint", color=css)


def blur(rng: random.Random) -> Clause:
    """Everything or the background out of focus."""
    behind = rng.random() < 0.45
    text = expand(rng, rng.choice(BLUR_BACK if behind else BLUR))
    radius, roll = 5, rng.random()
    if roll < 0.2:
        radius, text = (
            2,
            rng.choice(
                (
                    f"{text} {rng.choice(SLIGHTLY)}",
                    f"{rng.choice(('slightly', 'gently', 'subtly', 'lightly'))} {text}",
                    f"{text} {rng.choice(('slightly', 'a little', 'a bit'))}",
                )
            ),
        )
    elif roll < 0.4:
        heavy = (
            "heavily",
            "a lot",
            "strongly",
            "really",
            "very strongly",
            "massively",
            "a whole lot",
            "very much",
            "dramatically",
            "hard",
        )
        radius, text = (
            10,
            rng.choice(
                (
                    f"{text} {rng.choice(heavy[:3])}",
                    f"{text} {rng.choice(heavy)}",
                    f"{rng.choice(('heavily', 'strongly', 'really'))} {text}",
                )
            ),
        )
    elif roll < 0.62:
        radius = rng.choice((1, 2, 3, 4, 6, 7, 8, 10, 12, 15, 20, 25, 30, 50))
        unit = rng.choice((" pixels", " pixels", "px", " px", ""))
        link = rng.choice(
            ("by", "by", "by", "with", "with a radius of", "radius", "with radius", "at radius", "by a radius of", "to")
        )
        text += f" {link} {said(rng, radius)}{unit}"
        if not behind and rng.random() < 0.12:
            opener = rng.choice(("add a", "apply a", "a", "use a"))
            text = f"{opener} {said(rng, radius)}{rng.choice((' pixel', ' px', 'px'))} blur"
    return clause(" ".join(text.split()), op="blur", radius=radius, target="background" if behind else None)


def pixelate(rng: random.Random) -> Clause:
    """Coarse blocks."""
    text, size = expand(rng, rng.choice(PIXELATE)), 10
    if rng.random() < 0.4:
        size = rng.choice((2, 3, 4, 5, 6, 8, 12, 15, 16, 20, 24, 25, 30, 32, 40, 50, 64))
        text += " " + expand(
            rng,
            "(with {n}( pixel| px|) blocks|by {n}( pixels|)|with (a |)block size (of |){n}|size {n}|to {n} pixels|"
            "in blocks of {n}( pixels|)|with size {n}|with {n} pixel blocks|using blocks of {n})",
            n=said(rng, size),
        )
    return clause(text, op="pixelate", size=size)


def grayscale(rng: random.Random) -> Clause:
    """Without colour."""
    return clause(expand(rng, rng.choice(GRAY)), op="grayscale")


def sepia(rng: random.Random) -> Clause:
    """Brown like an old print."""
    return clause(expand(rng, rng.choice(SEPIA)), op="sepia")


def invert(rng: random.Random) -> Clause:
    """The negative."""
    return clause(expand(rng, rng.choice(INVERT)), op="invert")


def autocontrast(rng: random.Random) -> Clause:
    """The levels stretched."""
    return clause(expand(rng, rng.choice(AUTO)), op="autocontrast")
