"""The hashes of the models that this repository itself carries: ``models/seals.toml``.

They are trained here and change, so their hashes are no hand-written part of the manifest: whoever trains one seals
it with one command and commits both.
"""

from __future__ import annotations

import fcntl
import tomllib
from pathlib import Path

from inference.catalogue import SEALS, File, Row
from inference.weights import hash_file
from scripts.supply.failures import FetchError

UNSEALED = {".md", ".png", ".jpg", ".jpeg", ".webp", ".part"}
"""Model cards and pictures may change without making another model."""


def seal(row: Row, manifest: Path) -> list[File]:
    """Hash the model's files, write them to the seals beside ``manifest`` and return them."""
    if row.here is None:
        raise FetchError(f"{row.id} is not a model of this repository; only those are sealed.")
    folder = row.here.folder
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and _belongs(path.relative_to(folder))]
    if not paths:
        raise FetchError(f"{folder} holds no files to seal. Train the model first, see models/README.md.")
    files = [File(path.relative_to(folder).as_posix(), path.stat().st_size, hash_file(path)) for path in paths]
    target = manifest.with_name(SEALS)
    with manifest.open("rb") as handle:  # two trainings may end at the same time
        fcntl.flock(handle, fcntl.LOCK_EX)
        seals = tomllib.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
        seals[row.id] = {file.path: {"bytes": file.bytes, "sha256": file.sha256} for file in files}
        fresh = target.with_name(SEALS + ".part")
        fresh.write_text(_write(seals), encoding="utf-8")
        fresh.replace(target)
    return files


def _belongs(path: Path) -> bool:
    hidden = any(part.startswith((".", "__")) for part in path.parts)
    return not hidden and path.suffix.lower() not in UNSEALED


def _write(seals: dict[str, dict[str, dict[str, int | str]]]) -> str:
    lines = [
        "# Written by `scripts/fetch_models --seal ID`; do not edit. Sizes and SHA-256 of this repository's models."
    ]
    for model in sorted(seals):
        lines += ["", f'["{model}"]']
        for path, file in sorted(seals[model].items()):
            lines.append(f'"{path}" = {{ bytes = {file["bytes"]}, sha256 = "{file["sha256"]}" }}')
    return "\n".join(lines) + "\n"
