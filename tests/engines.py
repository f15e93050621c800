"""Small engines for tests of the machinery: a worker process imports this module and runs them for real."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from inference.engine import Engine, Verb, Weights
from inference.errors import InvalidRequest
from inference.events import Step
from inference.hardware.device import Device


class Counter(Engine):
    """Counts, and misbehaves on request."""

    name = "counter"
    library = "torch"
    patience = 20.0

    def load(self, weights: Weights, device: Device) -> None:
        """Remember where it was loaded; the catalogue's options may make it fail."""
        if weights.options.get("broken"):
            raise RuntimeError("these weights are broken")
        if marker := weights.options.get("out of memory until"):
            # Stands for a GPU that is full as long as another engine is loaded.
            try:
                os.kill(int(Path(marker).read_text()), 0)
            except (OSError, ValueError):
                pass
            else:
                raise MemoryError("the memory is full")
        if note := weights.options.get("note"):
            Path(note).write_text(str(os.getpid()))
        self._device = device
        self._ballast = b"x" * int(weights.options.get("ballast", 0))  # written, so that it is really there

    def count(self, number: int) -> Verb[int]:
        """Yield one step per number and return the sum."""
        total = 0
        for step in range(1, number + 1):
            total += step
            yield Step(step, number)
        return total

    def forever(self) -> Verb[None]:
        """Never end by itself, but step often."""
        step = 0
        while True:
            step += 1
            yield Step(step, step + 1)
            time.sleep(0.002)

    def where(self) -> Verb[tuple[int, str, str | None]]:
        """Return process id, device kind and a variable of the environment."""
        yield Step(1, 1)
        return os.getpid(), self._device.kind, os.environ.get("HSA_OVERRIDE_GFX_VERSION")

    def refuse(self) -> Verb[None]:
        """Raise one of our errors."""
        yield Step(1, 1)
        raise InvalidRequest("not like that", param="number")

    def crash(self) -> Verb[None]:
        """Raise somebody else's error."""
        yield Step(1, 1)
        raise ZeroDivisionError("by design")

    def die(self) -> Verb[None]:
        """End the whole process as the system would."""
        yield Step(1, 1)
        os.kill(os.getpid(), signal.SIGKILL)

    def hang(self) -> Verb[None]:
        """Give no sign of life."""
        yield Step(1, 1)
        threading.Event().wait()


class Impatient(Counter):
    """The same with little patience."""

    name = "impatient"
    patience = 2.0
