"""Plain sums of what the engines did, for whoever wants to show them; knows no format and no clock of its own.

    tally = Tally()
    tally.called(("inpainter", "starter-inpainting", "cpu"), "ok", seconds=3.2, steps=20, sound=0.0)

Each is kept by engine, model and device. A distribution keeps its count, its sum and how many values were at most each
of its limits.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

Where = tuple[str, str, str]
"""Engine, model, device kind."""

LIMITS = (0.005, 0.02, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds."""


@dataclass
class Distribution:
    """Values in seconds. ``counts`` has one more entry than `LIMITS`: what was above all of them."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(LIMITS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one value."""
        self.counts[bisect_left(LIMITS, seconds)] += 1
        self.total += seconds

    def cumulated(self) -> list[tuple[str, int]]:
        """Return (limit, how many were at most that), the last one "+Inf"."""
        names = [*(str(limit) for limit in LIMITS), "+Inf"]
        so_far, found = 0, []
        for name, count in zip(names, self.counts, strict=True):
            so_far += count
            found.append((name, so_far))
        return found


class Tally:
    """All sums since the start. Any thread may add; read its fields under no promise but that each is whole."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls: Counter[tuple[Where, str]] = Counter()
        self.deaths: Counter[Where] = Counter()
        self.steps: Counter[Where] = Counter()
        self.busy: dict[Where, float] = {}
        """Seconds spent in calls."""
        self.sound: dict[Where, float] = {}
        """Seconds of sound that were heard or made."""
        self.waits: dict[Where, Distribution] = {}
        self.loads: dict[Where, Distribution] = {}

    def waited(self, where: Where, seconds: float) -> None:
        """Somebody waited so long for a turn."""
        with self._lock:
            self.waits.setdefault(where, Distribution()).add(seconds)

    def loaded(self, where: Where, seconds: float) -> None:
        """A model was loaded."""
        with self._lock:
            self.loads.setdefault(where, Distribution()).add(seconds)

    def died(self, where: Where) -> None:
        """A worker ended that should not have."""
        with self._lock:
            self.deaths[where] += 1

    def called(self, where: Where, outcome: str, *, seconds: float, steps: int, sound: float) -> None:
        """A verb ended: "ok" or the error's code."""
        with self._lock:
            self.calls[where, outcome] += 1
            self.steps[where] += steps
            self.busy[where] = self.busy.get(where, 0.0) + seconds
            self.sound[where] = self.sound.get(where, 0.0) + sound
