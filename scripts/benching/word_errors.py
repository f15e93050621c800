"""The word error rate: what has to be changed, left out and put in, per word that was said."""

from __future__ import annotations

import re


def words(text: str) -> list[str]:
    """Return the words of ``text`` without case and punctuation."""
    return re.sub(r"[^a-z0-9' ]", " ", text.lower().replace("-", " ")).split()


def count_errors(said: list[str], heard: list[str]) -> int:
    """Return the least number of changes that turn ``said`` into ``heard``.

    >>> count_errors("a fine day".split(), "fine days".split())
    2
    """
    costs = list(range(len(heard) + 1))
    for row, word in enumerate(said, start=1):
        diagonal, costs[0] = costs[0], row
        for column, other in enumerate(heard, start=1):
            cost = min(costs[column] + 1, costs[column - 1] + 1, diagonal + (word != other))
            diagonal, costs[column] = costs[column], cost
    return costs[-1]
