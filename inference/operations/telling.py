"""What was done to a picture, as one sentence for the ear.

    tell_plan((Generate(prompt="a dog"), Rotate(degrees=90)))   # "Added a dog and turned the picture right."

Each operation says its own part (`Operation.told`); this joins them, and has the turns of phrase they share.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

_DETERMINED = re.compile(
    r"(?:the|a|an|all|every\w*|any|some|both|my|his|her|its|our|your|their|this|that|these|those)\b", re.IGNORECASE
)
_PLACED = re.compile(
    r"(?:on|in|at|to|by|next|near|under|over|above|below|behind|beside|between|inside|outside|around|along|against|"
    r"across|through)\b",
    re.IGNORECASE,
)
_WHERE = {"left": "on the left", "right": "on the right", "top": "at the top", "bottom": "at the bottom",
          "center": "in the middle"}  # fmt: skip


class Told(Protocol):
    """What can say what it did."""

    def told(self) -> str:
        """Say it in the past tense, without who did it."""


def tell_plan(operations: Sequence[Told]) -> str:
    """Return one sentence. The picture is named once; after that it is "it"."""
    parts: list[str] = []
    named = False
    for operation in operations:
        part = operation.told()
        parts.append(part.replace("the picture", "it") if named else part)
        named = named or "the picture" in part
    if not parts:
        return "Nothing was changed."
    *before, last = parts
    sentence = f"{', '.join(before)} and {last}" if before else last
    return f"{sentence[0].upper()}{sentence[1:].rstrip('.')}."


def say_thing(words: str) -> str:
    """Return a thing with an article, unless it says whose or how many: "the car", "all people", "my hat"."""
    return words if _DETERMINED.match(words) else f"the {words}"


def say_with_article(words: str) -> str:
    """Return "a watercolor painting", "an oil painting"."""
    if _DETERMINED.match(words):
        return words
    return f"{'an' if words[0].lower() in 'aeiou' else 'a'} {words}"


def say_where(words: str | None) -> str:
    """Return a place as it follows a thing, with a space before: " on the left", " on the man"; "" for none."""
    if words is None:
        return ""
    if words in _WHERE:
        return f" {_WHERE[words]}"
    return f" {words}" if _PLACED.match(words) else f" in {say_thing(words)}"


def say_degree(amount: float) -> str:
    """Return "a little " or "a lot " for an amount in percent, "" for what is usual."""
    return "a little " if abs(amount) <= 10 else "a lot " if abs(amount) >= 40 else ""


def say_number(number: float) -> str:
    """Return a number as one says it: 50, 2.2."""
    return f"{number:g}"


def say_color(color: str) -> str:
    """Return a colour's name and a space; "" for a number that nobody says aloud."""
    return "" if color.startswith("#") else f"{color} "
