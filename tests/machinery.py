"""A catalogue, a pool and a caller for tests of the machinery, without any model."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from inference.catalogue import Catalogue, HereSource, Row
from inference.errors import Cancelled
from inference.events import Event
from inference.hardware.machine import Machine, survey
from inference.host import Host, LocalHost
from inference.pool import Pool
from inference.settings import Settings


def make_row(engine: str, folder: Path, name: str | None = None, **fields: Any) -> Row:
    """Return a row whose model is ``folder``, ready as it is."""
    return Row(
        id=name or f"{engine}-model",
        engine=engine,
        title=engine.title(),
        licence="CC0-1.0",
        bytes=0,
        needs_bytes=fields.pop("needs_bytes", 1),
        files=(),
        sources=(HereSource(folder),),
        **fields,
    )


def make_catalogue(*rows: Row) -> Catalogue:
    """Return a catalogue of ``rows``, each engine preferring them in this order."""
    engines = dict.fromkeys(row.engine for row in rows)
    preferences = {engine: tuple(row.id for row in rows if row.engine == engine) for engine in engines}
    return Catalogue(rows, MappingProxyType(preferences), MappingProxyType({}))


def empty_machine(folder: Path) -> Machine:
    """Return what a machine without any GPU looks like."""
    root = folder / "root"
    root.mkdir(exist_ok=True)
    return survey(root, state=folder / "state", environment={})


def make_pool(
    folder: Path,
    *rows: Row,
    host: Host | None = None,
    machine: Machine | None = None,
    settings: Mapping[str, Any] | None = None,
    clock: Callable[[], float] | None = None,
) -> Pool:
    """Return a pool over ``rows`` on a machine without a GPU."""
    chosen = Settings(models=folder, state=folder / "state", **(settings or {}))
    more = {} if clock is None else {"clock": clock}
    return Pool(host or LocalHost(), machine or empty_machine(folder), make_catalogue(*rows), chosen, **more)


class Listener:
    """A caller that keeps what it hears and can be cancelled."""

    def __init__(self, caller: str = "") -> None:
        self.caller = caller
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.heard: list[Event] = []
        self.cancelled = threading.Event()
        self._actions: list[Callable[[], None]] = []

    def report(self, event: Event) -> None:
        """Keep it."""
        self.heard.append(event)
        self.events.put(event)

    def check(self) -> None:
        """Raise if cancelled."""
        if self.cancelled.is_set():
            raise Cancelled("cancelled")

    def on_cancel(self, action: Callable[[], None]) -> Callable[[], None]:
        """Keep the action."""
        self._actions.append(action)
        return lambda: self._actions.remove(action) if action in self._actions else None

    def cancel(self) -> None:
        """Run what was registered."""
        self.cancelled.set()
        for action in list(self._actions):
            action()
