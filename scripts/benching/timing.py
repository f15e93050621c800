"""Two ways of doing the same, timed in turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Compared:
    """Seconds of each turn. The ratios say how many times longer ``ours`` takes than ``bare``."""

    bare: tuple[float, ...]
    ours: tuple[float, ...]

    @property
    def of_medians(self) -> float:
        """The ratio of the medians."""
        return statistics.median(self.ours) / statistics.median(self.bare)

    @property
    def of_best(self) -> float:
        """The ratio of the fastest turns: what other work on the machine disturbed least."""
        return min(self.ours) / min(self.bare)


def compare(bare: Callable[[], float], ours: Callable[[], float], turns: int) -> Compared:
    """Call both in turns after one warming call each; they return the seconds that count."""
    bare()
    ours()
    pairs = [(bare(), ours()) for _ in range(turns)]
    return Compared(tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs))


def tell(what: str, compared: Compared, target: float) -> bool:
    """Print a comparison and whether it meets its target, judged by the fastest turns."""
    met = compared.of_best <= target
    print(
        f"{what}: bare {min(compared.bare):.3f} s, over HTTP {min(compared.ours):.3f} s, "
        f"ratio {compared.of_best:.2f} (of medians {compared.of_medians:.2f}), "
        f"target {target:.2f}: {'met' if met else 'MISSED'}",
        flush=True,
    )
    return met
