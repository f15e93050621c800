"""Pairs of a spoken edit and its plan, for training the command parser.

Draws clauses from the phrasings, joins them as people do, adds politeness, second thoughts and slips, and writes the
plan
in exactly the text that the model is to give. Seeded: the same seed gives the same pairs. Sentences that a test file
holds
are left out. Knows nothing of models or of training.

    pairs = draw_pairs(seed=1, count=1000, excluded=read_exclusions([Path("tests/data/commands.jsonl")]))
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterable
from pathlib import Path

from scripts.training import command_chat as chat
from scripts.training import command_slips as slips
from scripts.training.command_clauses import Clause, Operation
from scripts.training.command_joining import lower_first, say, upper_first
from scripts.training.command_kinds import draw_clause
from scripts.training.command_thoughts import correct, reasoned

_COUNTS, _COUNT_WEIGHTS = (1, 2, 3, 4, 5, 6, 8), (55, 27, 12, 3, 1.5, 1, 0.5)
_TAKE_BACK = """. Actually never mind|, never mind|, forget it|. No, don't|, actually don't|, no wait, don't do that|
. Cancel that|, scratch that|. On second thought, leave it|, nah, leave it as it is| no forget it|
... actually no|. No leave it""".replace("\n", "").split("|")
_DROP = (
    "forget the {}",
    "forget about the {}",
    "scratch the {}",
    "skip the {}",
    "never mind the {}",
    "no {}",
    "leave out the {}",
    "not the {}",
    "don't do the {}",
    "without the {}",
)
_NAMES = {"brightness": "brightness", "border": "border", "flip": "flip", "rotate": "rotation", "crop": "crop",
          "blur": "blur", "sepia": "sepia",
          "text": "text", "convert": "conversion", "resize": "resizing", "contrast": "contrast", "tint": "tint",
          "trim": "trimming", "pixelate": "pixelation",
          "sharpen": "sharpening", "hue": "hue shift", "gamma": "gamma", "invert": "inverting",
          "saturation": "saturation"}  # fmt: skip
_PURPOSES = """so it fits my screen|so it looks better|for my website|so I can print it|to make it pop|
so everyone can see it|for grandma|for my profile|because I like it that way|so that it
matches the others|for the newsletter|it looks wrong|before I send it|so people notice it|so we can frame it|
it would look nicer|for the album|because it looks boring|for a poster|as a present for my mum|so
it looks professional|like we did before|that way it looks right|it's for my blog|since it came out wrong""".replace(
    "\n", " "
).split("|")


_LEFT_ALONE = (
    *("don't crop it", "don't rotate it", "do not flip it", "don't change the colors", "don't touch the background"),
    *("leave the rest as it is", "keep the size", "but don't resize it", "no cropping", "without cropping it"),
    *(
        "but keep the colors",
        "don't do anything else",
        "nothing else",
        "the rest is fine",
        "that's all",
        "but not the size",
    ),
)


def compose(rng: random.Random) -> tuple[str, list[Operation]]:
    """One command and its plan, with marks."""
    if rng.random() < 0.25:
        return chat.no_edit(rng), []
    count = rng.choices(_COUNTS, _COUNT_WEIGHTS)[0]
    clauses = complicate(rng, [draw_clause(rng) for _ in range(count)])
    while sum(len(c.operations) for c in clauses) > 8:
        clauses.pop()
    bare = rng.random() < 0.28
    text = say(rng, clauses, bare)
    operations = [operation for clause in clauses for operation in clause.operations]
    if rng.random() < 0.015:
        if rng.random() < 0.5 and not clauses[-1].open_end:
            return text.rstrip(".!? ") + rng.choice(_TAKE_BACK), []
        dropped = [o for o in operations if o["op"] in _NAMES and sum(p["op"] == o["op"] for p in operations) == 1]
        if len(operations) > 1 and dropped and not clauses[-1].open_end:
            victim = rng.choice(dropped)
            text = (
                text.rstrip(".!? ")
                + rng.choice((", no, ", ". Actually ", ", but ", ", oh, ", ". ", ", wait, "))
                + rng.choice(_DROP).format(_NAMES[victim["op"]])
            )
            operations = [o for o in operations if o is not victim]
    return text, operations


def complicate(rng: random.Random, clauses: list[Clause]) -> list[Clause]:
    """One clause in seven sentences becomes a second thought, gets a reason, a purpose, or something beside it that
    is no edit."""
    roll = rng.random()
    if roll < 0.065:
        clauses[rng.randrange(len(clauses))] = correct(rng)
    elif roll < 0.075:
        clauses.insert(len(clauses), Clause(rng.choice(_LEFT_ALONE), [], imperative=False))
    elif roll < 0.105:
        clauses[rng.choice((0, 0, len(clauses) - 1))] = reasoned(rng)
    elif roll < 0.155:
        for _ in range(rng.choice((1, 1, 1, 2))):
            clauses.insert(rng.choice((0, 0, len(clauses))), Clause(chat.aside(rng), [], imperative=False))
    elif roll < 0.18 and len(clauses) < 3 and not clauses[-1].open_end:
        clauses[-1].text += " " + rng.choice(_PURPOSES)
    return clauses


def pair(rng: random.Random) -> tuple[str, list[Operation]]:
    """One command as it arrives and its plan."""
    text, plan = compose(rng)
    text = " ".join(text.split())
    if rng.random() < 0.5:
        text = slips.respell(rng, text)
    manner = rng.random()
    if manner < 0.27:  # spoken, as a recogniser writes it
        text = slips.mishear(rng, text, rng.choice((0.0, 0.06, 0.15, 0.3, 0.5)))
        if rng.random() < 0.25:
            text = slips.hesitate(rng, text)
        text, plan = slips.flatten(text), slips.flatten_plan(plan)
    elif manner < 0.47:  # typed carelessly
        text = slips.hurry(rng, text) if rng.random() < 0.5 else text
        text = slips.mistype_some(rng, text, rng.choice((0, 1, 1, 1, 2, 2, 3)))
        text = text if rng.random() < 0.5 else lower_first(text)
    elif manner < 0.80:
        text = upper_first(text)
    text = slips.strip_marks(text)
    if not text:
        return "", []
    if manner >= 0.27 and not text.endswith((".", "!", "?", '"', "”")):
        question = bool(
            re.match(r"(can|could|would|will|how about|what about|do you|what if|is|are|who|what|why)\b", text, re.I)
        )
        text += rng.choice(("?", "?", "", "")) if question else rng.choice((".", ".", "!", "", "", "", "", "", ""))
    elif manner < 0.27 and rng.random() < 0.3:  # recognisers often do write capitals and a full stop
        text = text[0].upper() + text[1:] + "."
    return text, plan


def write_plan(plan: list[Operation]) -> str:
    """The plan as the model writes it: compact JSON, fields in the contract's order."""
    return json.dumps(plan, separators=(",", ":"), ensure_ascii=False)


def fingerprint(command: str) -> str:
    """A hash of a command without case, punctuation and spacing."""
    plain = " ".join(re.sub(r"[^\w]+", " ", command.lower()).split())
    return hashlib.sha256(plain.encode()).hexdigest()


def read_exclusions(files: Iterable[Path]) -> frozenset[str]:
    """Fingerprints of all commands of the test files; a file that does not exist excludes nothing."""
    found = set()
    for file in files:
        if file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                if line.strip():
                    found.add(fingerprint(json.loads(line)["command"]))
    return frozenset(found)


def draw_pairs(seed: int, count: int, excluded: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
    """`count` different commands with the text of their plans."""
    rng = random.Random(seed)
    seen: set[str] = set(excluded)
    pairs: list[tuple[str, str]] = []
    while len(pairs) < count:
        command, plan = pair(rng)
        mark = fingerprint(command)
        if mark in seen or len(command) > 400 or not command.strip():
            continue
        seen.add(mark)
        pairs.append((command, write_plan(plan)))
    return pairs
