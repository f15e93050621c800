"""A queue that is fair between callers: each has a line of its own, and the lines take turns.

    line = Line()
    line.join(first, "ann"); line.join(second, "ann"); line.join(third, "bob")
    assert line.order() == [first, third, second]

Somebody who asks for thirty pictures delays somebody who asks for one by one picture, not by thirty. The next turn is
always that of the caller who was served longest ago; within a caller's line the order is that of arrival. Nothing here
waits or locks: the pool's condition guards it.
"""

from __future__ import annotations

import itertools
from collections import Counter


class Line:
    """Tickets that wait, each with its caller's label."""

    def __init__(self) -> None:
        self._waiting: dict[object, str] = {}
        self._served: dict[str, int] = {}
        self._count = itertools.count(1)

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def __contains__(self, ticket: object) -> bool:
        """Whether this one waits."""
        return ticket in self._waiting

    def join(self, ticket: object, caller: str) -> None:
        """Stand behind the caller's other tickets."""
        self._waiting[ticket] = caller

    def leave(self, ticket: object) -> None:
        """Wait no more; nothing happens if it did not wait."""
        self._waiting.pop(ticket, None)

    def serve(self, ticket: object) -> None:
        """Take a ticket out because its turn has come: its caller's next turn is after everybody else's."""
        caller = self._waiting.pop(ticket)
        self._served[caller] = next(self._count)
        if not self._waiting:
            # Who waits for nobody is owed nothing; so that names that never return do not add up.
            self._served = {caller: self._served[caller]}

    def of(self, caller: str) -> int:
        """How many tickets of one caller wait."""
        return sum(1 for other in self._waiting.values() if other == caller)

    def order(self) -> list[object]:
        """Return the tickets in the order of their turns as things stand."""
        rounds: Counter[str] = Counter()
        ranked: list[tuple[int, int, int, object]] = []
        for arrival, (ticket, caller) in enumerate(self._waiting.items()):
            ranked.append((rounds[caller], self._served.get(caller, 0), arrival, ticket))
            rounds[caller] += 1
        return [ticket for *_, ticket in sorted(ranked, key=lambda each: each[:3])]


def share(limit: int) -> int:
    """Return how many of ``limit`` places one caller may take: three quarters, so that others find the door open."""
    return -(-limit * 3 // 4)
