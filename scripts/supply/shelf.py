"""The store on disk: one folder per whole model, and a hidden one for what is half done.

    store/ID/                  a whole model with its receipt; appears by one rename
    store/.partial/ID/         work on it, kept between runs so that they resume
    store/.locks/ID            held while one process works on that model

It does not know where files come from.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from inference.catalogue import Row
from inference.weights import RECEIPT
from scripts.supply.failures import FetchError
from scripts.supply.progress import in_words


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that belongs to the model, and what vouches for it: ``catalogue``, ``hub``, ``made here``, ``nothing``."""

    path: str
    bytes: int
    sha256: str
    checked: str


@dataclass(frozen=True)
class Shelf:
    """The store's folder. ``free`` tells the free bytes of the disk under a folder."""

    store: Path
    free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free

    @contextmanager
    def lock(self, model: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the model alone; ``waiting`` is called once if another process has it."""
        path = self.store / ".locks" / model
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield  # closing the file lets go, and so does the end of the process

    def bench(self, model: str) -> Path:
        """Return the folder in which the model is being put together."""
        folder = self.store / ".partial" / model
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def origin(self, model: str) -> str:
        """Return where the receipt of the model says that it came from; "" where there is none to read."""
        try:
            return str(json.loads((self.store / model / RECEIPT).read_text(encoding="utf-8"))["source"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def require_space(self, model: str, need: int) -> None:
        """Raise `FetchError` unless the disk has room for ``need`` bytes less those already there."""
        there = sum(path.stat().st_size for path in self.bench(model).rglob("*") if path.is_file())
        free = self.free(self.store)
        if need - there > free:
            raise FetchError(
                f"{model} needs {in_words(need - there)} more on the disk that holds {self.store}, which has "
                f"{in_words(free)} free. Make room, or name another folder with --store or TAWNY_MODELS."
            )

    def place(self, row: Row, whole: Path, kept: Sequence[Kept], source: str) -> Path:
        """Write the receipt into ``whole`` and move it to ``store/ID`` in one step; return that folder."""
        names = {file.path for file in kept}
        for path in [path for path in whole.rglob("*") if path.is_file()]:
            if path.relative_to(whole).as_posix() not in names:
                path.unlink()
        receipt = {
            "id": row.id,
            "licence": row.licence,
            "source": source,
            "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
            "files": {f.path: {"bytes": f.bytes, "sha256": f.sha256, "checked": f.checked} for f in kept},
        }
        with (whole / RECEIPT).open("w", encoding="utf-8") as stream:
            json.dump(receipt, stream, indent=2)
            stream.flush()
            os.fsync(stream.fileno())
        target, bench = self.store / row.id, self.bench(row.id)
        if target.exists():
            old = bench / "old"
            shutil.rmtree(old, ignore_errors=True)
            target.rename(old)
        whole.rename(target)
        shutil.rmtree(bench, ignore_errors=True)
        return target
