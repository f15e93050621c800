"""A row of the catalogue -> a folder whose files are there, or `WeightsMissing` with the command that mends it.

Three questions, by what they cost: `state` and `find` read one small receipt and compare sizes (no hashing, so a
server may ask at its start and on every status); `verify` reads and hashes every byte. Nothing here fetches.

A fetched model is ``store/ID/`` with a receipt, ``tawny.json``, written last and listing each file's size and
SHA-256: without a whole receipt a folder is no model. A model of this repository is used where it lies; its receipt
is ``models/seals.toml``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from inference.catalogue import File, Row
from inference.errors import WeightsMissing

RECEIPT = "tawny.json"
COMMAND = "./scripts/fetch_models"

State = Literal["ready", "missing", "incomplete", "outdated", "unsealed"]


def folder_of(row: Row, store: Path) -> Path:
    """Return where the model is or would be; says nothing about whether it is there."""
    return row.here.folder if row.here is not None else store / row.id


def read_receipt(folder: Path) -> tuple[File, ...] | None:
    """Return the files that the receipt in ``folder`` lists, or None if there is no readable receipt."""
    try:
        listed = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))["files"]
        return tuple(File(path, int(f["bytes"]), str(f["sha256"])) for path, f in listed.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def check(row: Row, store: Path) -> tuple[State, str]:
    """Return the model's state and a sentence saying why; compares sizes, hashes nothing."""
    folder = folder_of(row, store)
    if row.here is not None:
        if not row.sealed:
            return "unsealed", f"{folder} has not been sealed"
        files = row.files
    else:
        receipt = read_receipt(folder)
        if receipt is None:
            return "missing", "it has not been fetched" if not folder.exists() else "its receipt is missing"
        known = {file.path: file for file in receipt}
        if any(known.get(file.path) != file for file in row.files):
            return "outdated", "the catalogue now names other files than the ones that were fetched"
        files = receipt
    for file in files:
        try:
            size = (folder / file.path).stat().st_size
        except OSError:
            return "incomplete", f"{file.path} is not there"
        if size != file.bytes:
            return "incomplete", f"{file.path} has {size} bytes instead of {file.bytes}"
    return "ready", f"{len(files)} files"


def state(row: Row, store: Path) -> State:
    """Return ready, missing, incomplete, outdated or unsealed; quick."""
    return check(row, store)[0]


def mend(row: Row, found: State) -> str:
    """Return the command that mends a model found in that state."""
    if row.here is None:
        return f"{COMMAND} {row.id}"
    return f"{COMMAND} --seal {row.id}" if found == "unsealed" else f"git checkout -- {row.here.folder}"


def find(row: Row, store: Path) -> Path:
    """Return the model's folder after the quick check; raise `WeightsMissing` if it is not ready."""
    found, why = check(row, store)
    if found != "ready":
        raise WeightsMissing(f"The model {row.id} is not ready: {why}. Run: {mend(row, found)}")
    return folder_of(row, store)


def verify(row: Row, store: Path, report: Callable[[int], None] | None = None) -> Path:
    """Hash every file of the model and return its folder; raise `WeightsMissing` naming the first file that differs.

    ``report(bytes)`` is called for every piece read.
    """
    folder = find(row, store)
    for file in row.files if row.here is not None else read_receipt(folder) or ():
        got = hash_file(folder / file.path, report)
        if got != file.sha256:
            raise WeightsMissing(describe_damage(row, folder, file, got))
    return folder


def describe_damage(row: Row, folder: Path, file: File, found: str) -> str:
    """Return the sentence that names a damaged file and the command that mends it."""
    again = mend(row, "incomplete") if row.here is not None else f"{COMMAND} --again {row.id}"
    return (
        f"The model {row.id} is damaged: {folder / file.path} has SHA-256 {found}, expected {file.sha256}. Run: {again}"
    )


def hash_file(path: Path, report: Callable[[int], None] | None = None) -> str:
    """Return the file's SHA-256 in hexadecimal; ``report(bytes)`` is called for every piece read."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
            if report is not None:
                report(len(piece))
    return digest.hexdigest()
