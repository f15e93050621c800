"""Keys of clients: one in a variable, or several in a file that holds only their hashes.

    ring = KeyRing("", Path("keys"))
    ring.owner("the key that a client sent")       # its name, or None

The file has a line ``name:sha256-hex`` for each key, written by ``./scripts/keys``. A key is 256 random bits, so a
plain SHA-256 cannot be turned round; a stolen file opens nothing. A changed file counts from the next request on.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LINE = re.compile(rf"({NAME.pattern}):([0-9a-f]{{64}})")


class KeysUnreadableError(ValueError):
    """The file of keys cannot be read or holds what is no key; the message names the line, never its content."""


def hash_key(key: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def read_keys(file: Path) -> dict[str, str]:
    """Return name -> hash; blank lines and those that begin with # mean nothing. Raises `KeysUnreadableError`."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KeysUnreadableError(f"The file of keys, {file}, cannot be read: {type(error).__name__}") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None or match[1] in found:
            raise KeysUnreadableError(f"{file}, line {number}: not of the form name:sha256, or its name is taken")
        found[match[1]] = match[2]
    return found


def write_keys(file: Path, keys: dict[str, str]) -> None:
    """Write the file anew, for its owner alone; whoever reads it meanwhile sees the old or the new one whole."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.writelines(f"{name}:{digest}\n" for name, digest in keys.items())
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def add_key(file: Path, name: str) -> str:
    """Make a key for ``name``, write its hash and return the key itself, which nobody can read again.

    Raises `KeysUnreadableError` for a name that is taken or is none.
    """
    if NAME.fullmatch(name) is None:
        raise KeysUnreadableError("A key's name has up to 64 letters, digits, dots, dashes and underscores")
    keys = read_keys(file) if file.exists() else {}
    if name in keys:
        raise KeysUnreadableError(f"There is a key named {name} already; remove it first")
    key = f"tawny-{secrets.token_urlsafe(32)}"
    write_keys(file, {**keys, name: hash_key(key)})
    return key


def remove_key(file: Path, name: str) -> bool:
    """Take a key out of the file; return whether it was there."""
    keys = read_keys(file)
    if keys.pop(name, None) is None:
        return False
    write_keys(file, keys)
    return True


class KeyRing:
    """Every key that opens. ``single`` is the one of the variable, ``file`` the one with many, or None."""

    def __init__(self, single: str, file: Path | None) -> None:
        self._single = hash_key(single) if single else None
        self._file = file
        self._stamp: tuple[int, ...] | None = None
        self._keys: dict[str, str] = {}
        if file is not None:
            self._keys = read_keys(file)
            self._stamp = _stamp(file)

    @property
    def asks(self) -> bool:
        """Whether a key is needed at all. A file asks even when it is empty: then nobody comes in."""
        return self._single is not None or self._file is not None

    def owner(self, key: str) -> str | None:
        """Return the name of whoever has this key, "key" for the one of the variable, or None."""
        self._refresh()
        digest = hash_key(key)
        owner = None
        # Every key is compared, so that the time taken tells nothing.
        for name, known in self._keys.items():
            if hmac.compare_digest(known, digest):
                owner = name
        if self._single is not None and hmac.compare_digest(self._single, digest):
            owner = owner or "key"
        return owner

    def _refresh(self) -> None:
        if self._file is None or (stamp := _stamp(self._file)) == self._stamp:
            return
        # A file that is broken now leaves the keys as they were: a typing mistake must lock nobody out.
        with contextlib.suppress(KeysUnreadableError):
            self._keys = read_keys(self._file)
        self._stamp = stamp


def _stamp(file: Path) -> tuple[int, ...] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
