"""Weights are hashed before they are first loaded, and again only when their files have changed.

    verifier = Verifier(settings.models, settings.state)
    verifier.check(row)            # WeightsMissing names the file with the flipped byte

What was found is kept in ``verified.json`` in the state folder, by each file's path, size, time of change and inode, so
that a start costs one look at each file instead of reading gigabytes. A file that is changed without its time of
change being changed is found by ``./scripts/fetch_models --verify``.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from pathlib import Path

from inference.catalogue import Row
from inference.errors import WeightsMissing
from inference.weights import describe_damage, find, hash_file, read_receipt
from inference.writing import write_whole

log = logging.getLogger("tawny.weights")


class Verifier:
    """Knows which files of ``store`` have been hashed in which state. Any thread may ask."""

    def __init__(self, store: Path, state: Path) -> None:
        self._store = store
        self._book = state / "verified.json"
        self._lock = threading.Lock()
        self._known: dict[str, str] | None = None
        """Path -> its state and the hash it then had."""

    def check(self, row: Row) -> None:
        """Raise `WeightsMissing` if a file of the model is not what was fetched; hashes only what it does not know."""
        folder = find(row, self._store)
        files = row.files if row.here is not None else read_receipt(folder) or ()
        with self._lock:
            fresh = False
            for file in files:
                found, hashed = self._hash(folder / file.path)
                fresh = fresh or hashed
                if found != file.sha256:
                    raise WeightsMissing(describe_damage(row, folder, file, found))
            if fresh:
                self._write()

    def _hash(self, path: Path) -> tuple[str, bool]:
        if self._known is None:
            self._known = self._read()
        look = path.stat()
        stamp = f"{look.st_size}-{look.st_mtime_ns}-{look.st_ino}"
        known, _, digest = self._known.get(str(path), "").partition(" ")
        if known == stamp:
            return digest, False
        log.info("hashing %s, %d MiB", path.name, look.st_size >> 20)
        digest = hash_file(path)
        self._known[str(path)] = f"{stamp} {digest}"
        return digest, True

    def _read(self) -> dict[str, str]:
        try:
            raw = json.loads(self._book.read_text(encoding="utf-8"))
            return {str(path): str(text) for path, text in raw.items()}
        except (OSError, ValueError, AttributeError):
            return {}

    def _write(self) -> None:
        with contextlib.suppress(OSError):  # then it is hashed again next time
            self._book.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._book, json.dumps(self._known, indent=1).encode())
