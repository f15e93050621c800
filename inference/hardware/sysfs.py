"""Reads small files of the kernel when "unreadable" is an answer and not an accident.

A container may show a file and refuse to read it, a kernel may not have the file yet. Both are facts about the
machine, so a read gives either the text or an `Unreadable` with its reason. This module does not know what any file
means.

    text = read(root / "proc/meminfo")
    if isinstance(text, Unreadable): ...
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Unreadable:
    """A file that gave no text. `missing` tells "is not there" from "may not be read"."""

    path: str
    reason: str
    missing: bool

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def read(path: Path) -> str | Unreadable:
    """The text of a file, decoded leniently."""
    try:
        return path.read_bytes().decode("utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return Unreadable(str(path), "no such file", missing=True)
    except PermissionError:
        return Unreadable(str(path), "permission denied", missing=False)
    except OSError as error:
        # sysfs answers with EIO or ENODEV when a device has fallen off the bus.
        return Unreadable(str(path), error.strerror or type(error).__name__, missing=False)


def read_line(path: Path) -> str | None:
    """The stripped first line, or None when there is none."""
    text = read(path)
    if isinstance(text, Unreadable):
        return None
    return text.strip().split("\n", 1)[0].strip() or None


def read_number(path: Path) -> int | None:
    """One integer in any of Python's notations ("128", "0x1586"), or None."""
    line = read_line(path)
    if line is None:
        return None
    try:
        return int(line, 0)
    except ValueError:
        return None


def read_properties(path: Path) -> dict[str, int] | Unreadable:
    """A KFD "properties" file: "key value" per line, in any order; lines that are not so are passed over."""
    text = read(path)
    if isinstance(text, Unreadable):
        return text
    properties: dict[str, int] = {}
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        try:
            properties[key] = int(value.strip(), 0)
        except ValueError:
            continue
    return properties


def list_folder(path: Path) -> list[Path] | Unreadable:
    """The entries of a folder, numbers in numeric order."""
    try:
        entries = list(path.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return Unreadable(str(path), "no such folder", missing=True)
    except OSError as error:
        return Unreadable(str(path), (error.strerror or type(error).__name__).lower(), missing=False)
    return sorted(entries, key=lambda entry: (int(entry.name) if entry.name.isdigit() else 1 << 30, entry.name))
