"""Phrasings of what is painted: generate, replace, remove, remove_background, restyle, text.

Knows nothing of how clauses are joined. Each function draws one clause of its kind.
"""

from __future__ import annotations

import random

from scripts.training import command_vocabulary as words
from scripts.training.command_clauses import Clause, Operation, copied, expand, place, relation, said
from scripts.training.command_lookalikes import lookalike
from scripts.training.command_object_words import (
    ADD,
    ADD_PLACED,
    BACKGROUND,
    BOTTOM,
    BY,
    CENTER,
    CHANGE,
    CHANGE_LOOSE,
    CUTOUT,
    DETERMINERS,
    EXCLAIMED_LINES,
    FACELESS,
    FIRST,
    GREETING_LINES,
    LIKE,
    LIKE_BARE,
    LIKE_LOOSE,
    REMOVE,
    REMOVE_LOOSE,
    STYLED,
    TOP,
    WANT,
    WRITE,
)


def target(rng: random.Random, placed: float = 0.22) -> tuple[str, str]:
    """Something that is in the picture: what is said (`the dog on the left`) and the plan's target (`dog on the
    left`)."""
    kind = rng.random()
    if kind < 0.05:
        name = rng.choice(("people", "everyone", "everybody", "other people", "text", "watermarks", "stains",
                           "both dogs", "trees",
                           "shadows", "cars", "power lines", "red-eye", "wrinkles", "pimples", "clutter",
                           "logos"))  # fmt: skip
        return copied(name), name
    if kind < 0.17:
        name = rng.choice(("sky", "background", "sky", "grass", "ground", "floor", "wall", "sea", "water", "road",
                           "hair", "foreground",
                           "ocean", "clouds", "trees", "snow", "weather", "people", "text", "watermark",
                           "people in the background",
                           "writing", "left one", "man on the right", "date stamp", "glare", "reflection",
                           "shadows"))  # fmt: skip
    elif kind < 0.80:
        name = words.described(rng, 0.65)
    else:
        name = words.plural(words.described(rng, 0.65))
    if rng.random() < placed and " in the " not in name and " on the " not in name:
        name += " " + rng.choice(
            (
                relation(rng), relation(rng), "on the left", "on the right", "in the background",
                "in the foreground", "in the middle",
                "at the top", "in the corner", "in the sky", "with the " + words.described(rng, 0.6), "wearing the hat",
                "in the red shirt", "in the top left corner", "to the left", "behind the " + words.noun(rng),
            )
        )  # fmt: skip
    determiner = rng.choice(DETERMINERS)
    if determiner in ("his", "her"):
        return copied(f"{determiner} {name}"), f"{determiner} {name}"
    if determiner in ("my-all", "all-the"):
        if kind < 0.80:
            return "the " + copied(name), name
        return copied("all the " + name), "all the " + name
    if determiner == "a":
        return copied(name), name
    if determiner == "those" and kind < 0.80:
        determiner = "this"
    return f"{determiner} {copied(name)}", name


def compact(**fields: object) -> Operation:
    """An operation without the optional fields that were not said."""
    return {key: value for key, value in fields.items() if value is not None}


def generate(rng: random.Random) -> Clause:
    """One thing to add, or two or three in one breath."""
    what = words.thing(rng) if rng.random() < 0.92 else words.with_article(lookalike(rng))
    kind = rng.random()
    if kind < 0.30:
        return Clause(expand(rng, rng.choice(ADD), what=copied(what)), [compact(op="generate", prompt=what)])
    if kind < 0.64:
        spoken, where = place(rng)
        text = expand(rng, rng.choice(ADD_PLACED), what=copied(what), where=spoken)
        return Clause(text, [compact(op="generate", prompt=what, where=where)])
    if kind < 0.78:
        spoken, free = place(rng) if rng.random() < 0.5 else ("", None)
        text = expand(rng, rng.choice(WANT), what=copied(what), where=" " + spoken if spoken else "")
        return Clause(text, [compact(op="generate", prompt=what, where=free)], imperative=False)
    if kind < 0.83:
        spoken, where = place(rng)
        text = expand(rng, rng.choice(FIRST), what=copied(what), where=spoken)
        return Clause(text, [compact(op="generate", prompt=what, where=where)], imperative=False)
    if kind < 0.86:
        who = rng.choice([*words.PEOPLE, *words.ANIMALS])
        spoken, where = rng.choice(((f"the {copied(who)}", f"on the {who}"), ("him", "on him"), ("her", "on her")))
        text = expand(rng, "(give|buy|get) {who} {what}", who=spoken, what=copied(what))
        return Clause(text, [compact(op="generate", prompt=what, where=where)])
    verb = rng.choice(("add", "add", "put", "insert", "place", "draw", "paint", "put in"))
    items: list[str] = []
    operations: list[Operation] = []
    count = rng.choice((2, 2, 2, 3))
    placed = rng.random() < 0.75
    for _ in range(count):
        piece = words.thing(rng, 0.75)
        spoken, spot_name = place(rng) if placed and (count == 2 or rng.random() < 0.8) else ("", None)
        items.append(f"{copied(piece)} {spoken}".strip())
        operations.append(compact(op="generate", prompt=piece, where=spot_name))
    joint = rng.choice((" and ", " and ", ", ", " and also ", " plus ", ", and "))
    return Clause(f"{verb} " + (", ".join(items[:-1]) + joint + items[-1]), operations)


def replace(rng: random.Random) -> Clause:
    """One thing for another, the background, or a new colour for something."""
    kind = rng.random()
    if kind < 0.25:
        spoken = rng.choice(
            ("the background", "the background", "the backdrop", "background", "my background", "the bg")
        )
        scenery = words.scene(rng) if rng.random() < 0.85 else words.thing(rng)
        text = expand(rng, rng.choice(BACKGROUND), t=spoken, p=copied(scenery))
        return Clause(text, [compact(op="replace", target="background", prompt=scenery)])
    spoken, name = target(rng, 0.12)
    if kind < 0.34:
        shade = rng.choice([*words.COLORS[:14], "light blue", "dark green", "bright red", "golden"])
        thing_kind = rng.choice((words.with_article(f"{shade} {name}"), f"{shade} {name}"))
        if len(name.split()) == 1:
            text = expand(rng, rng.choice(FACELESS), t=spoken, c=copied(shade))
            prompt = f"{shade} {name}" if name.endswith("s") else thing_kind
            return Clause(text, [compact(op="replace", target=name, prompt=prompt)])
    scenic = name in ("sky", "ground", "sea", "water", "grass", "wall", "floor", "background", "weather", "ocean")
    new = words.scene(rng) if scenic and rng.random() < 0.7 else words.thing(rng)
    if kind < 0.45 and not scenic:
        other, other_name = target(rng, 0.0)
        second = words.thing(rng, 0.8)
        verb, link = rng.choice((("replace", "with"), ("change", "to"), ("turn", "into"), ("swap", "for")))
        text = f"{verb} {spoken} {link} {copied(new)} and {other} {link} {copied(second)}"
        return Clause(
            text,
            [compact(op="replace", target=name, prompt=new), compact(op="replace", target=other_name, prompt=second)],
        )
    loose = rng.random() < 0.22
    text = expand(rng, rng.choice(CHANGE_LOOSE if loose else CHANGE), t=spoken, p=copied(new))
    return Clause(text, [compact(op="replace", target=name, prompt=new)], imperative=not loose)


def remove(rng: random.Random) -> Clause:
    """One thing gone, or several in one breath."""
    spoken, name = target(rng)
    if rng.random() < 0.14:
        others = [target(rng, 0.1) for _ in range(rng.choice((1, 1, 2)))]
        said_all = [spoken, *(other[0] for other in others)]
        text = expand(
            rng,
            rng.choice(REMOVE[:14]),
            t=", ".join(said_all[:-1]) + rng.choice((" and ", ", ", " and also ")) + said_all[-1],
        )
        return Clause(
            text, [{"op": "remove", "target": n} for n in [name, *(other[1] for other in others)] if n != "background"]
        )
    loose = rng.random() < 0.18
    if name == "background":
        return remove_background(rng)
    text = expand(rng, rng.choice(REMOVE_LOOSE if loose else REMOVE), t=spoken)
    return Clause(text, [{"op": "remove", "target": name}], imperative=not loose)


def remove_background(rng: random.Random) -> Clause:
    """The subject alone, on nothing."""
    text = expand(rng, rng.choice(CUTOUT))
    return Clause(
        text,
        [{"op": "remove_background"}],
        imperative=not text.startswith(("transparent", "background", "no ", "without")),
    )


def restyle(rng: random.Random) -> Clause:
    """The whole picture in another look."""
    kind = rng.random()
    loose = rng.random() < 0.15
    if kind < 0.10:
        look = words.bare_style(rng)
        text = expand(rng, rng.choice(LIKE_BARE), s=copied(look))
        look = look.removeprefix("a ").removeprefix("an ").removeprefix("the ")
    elif kind < 0.58:
        look = words.style(rng)
        text = expand(rng, rng.choice(LIKE_LOOSE if loose else LIKE), s=copied(look))
    elif kind < 0.84:
        look = words.style_word(rng)
        text = expand(rng, rng.choice(STYLED), s=copied(look))
    else:
        look = words.artist(rng)
        template = rng.choice(BY)
        painted = "painting" in template
        text = expand(rng, template, a=copied(look))
        if text.rstrip().endswith("painting") and painted:
            look += " painting"
    strength: float | None = None
    if rng.random() < 0.07:
        share = rng.choice((20, 25, 30, 40, 50, 60, 70, 75, 80, 90))
        strength = share / 100
        amount = said(rng, strength, 0.15) if rng.random() < 0.5 else said(rng, share) + rng.choice((" percent", "%"))
        text += " " + expand(rng, "(with|at|using) (a strength of|strength) {n}", n=amount)
    imperative = text.split()[0].lower().strip("\x01") in _STYLE_VERBS
    return Clause(text, [compact(op="restyle", prompt=look, strength=strength)], imperative=imperative)


_STYLE_VERBS = {"make", "turn", "transform", "convert", "render", "redraw", "repaint", "style", "restyle", "change",
                "do", "redo",
                "give", "apply", "use", "set", "go", "add", "paint", "draw", "re-imagine"}  # fmt: skip


def content(rng: random.Random) -> str:
    """What may be written on a picture."""
    kind = rng.random()
    if kind < 0.45:
        line = rng.choice(GREETING_LINES)
    elif kind < 0.60:
        line = " ".join(words.noun(rng).split(" ")[0] for _ in range(rng.randint(1, 3)))
    elif kind < 0.72:
        line = f"{words.adjective(rng)} {words.noun(rng)}"
    elif kind < 0.82:
        line = " ".join(words.invented(rng) for _ in range(rng.randint(1, 2)))
    elif kind < 0.92:
        line = rng.choice(("I love {}", "{} for sale", "the best {}", "my {}", "{} of the year", "beware of the {}",
                           "welcome to {}",
                           "no {} allowed", "save the {}", "{} forever", "happy {} day",
                           "hello {}")).format(words.noun(rng))  # fmt: skip
    else:
        line = rng.choice(
            ("2024", "2026", "24 July", "May 1st", "10 km", "No. 7", "100%", "Route 66", "3 for 2", "5 o'clock", "24/7")
        )
    if rng.random() < 0.12:
        line = rng.choice(EXCLAIMED_LINES) if rng.random() < 0.5 else line
        line = line.rstrip(".!?") + rng.choice(("!", "!", "!", "?", "!!", "...", "?!", "."))
    case = rng.random()
    return line.upper() if case < 0.16 else line.title() if case < 0.2 else line.lower() if case < 0.5 else line


def text(rng: random.Random) -> Clause:
    """Words on the picture."""
    line = content(rng)
    quote = rng.choice(('"{}"', "'{}'", '"{}"', "“{}”", "{}", "{}", "{}", "{}", ": {}"))
    if ("'" in line and quote == "'{}'") or (line[-1] in ".!?" and "}" in quote[-1:]):
        quote = '"{}"'
    bare = "“" not in quote and '"' not in quote and "'" not in quote
    body = expand(rng, rng.choice(WRITE), c=quote.format(copied(line)))
    where = rng.choice(("top", "center", "bottom", "bottom", None, None))
    place_said = {"top": TOP, "center": CENTER, "bottom": BOTTOM}
    spoken = expand(rng, rng.choice(place_said[where])) if where else ""
    named, css = words.color(rng) if rng.random() < 0.28 else ("", None)
    hue = expand(rng, "(in|in|in|with) {c}( letters| text| color||||)", c=named) if named else ""
    if named and "with" in hue and not hue.endswith(("letters", "text")):
        hue = f"in {named}"
    tails = [part for part in (spoken, hue) if part]
    rng.shuffle(tails)
    if where and rng.random() < 0.10 and not body.startswith(("caption", "label", "title", "text")):
        body = f"{spoken} {body}"
        tails = [part for part in tails if part != spoken]
        spoken = "first"
    result = " ".join([body, *tails])
    if (
        named
        and rng.random() < 0.25
        and "text" in body
        and "the text" not in body
        and not body.startswith("text")
        and hue
    ):
        result = result.replace(hue, "").replace("text", f"{named} text", 1)
    operation = compact(op="text", content=line, where=where or "bottom", color=css)
    return Clause(" ".join(result.split()), [operation], imperative=spoken != "first", open_end=bare and not tails)
