"""What can go wrong while a model is fetched. Every message says what to do next."""

from __future__ import annotations

import errno
from pathlib import Path


class FetchError(Exception):
    """The model could not be fetched; the message is for a person."""


class SourceError(FetchError):
    """One source cannot deliver; the next one may."""


class WrongHashError(SourceError):
    """A file is not what the catalogue or the hub says it should be."""

    def __init__(self, where: str, path: str, expected: str, got: str) -> None:
        super().__init__(
            f"{path} from {where} is not the file that the catalogue means.\n"
            f"  expected {expected}\n"
            f"  got      {got}\n"
            "  It was deleted. Run the command again; if it comes again, the source has changed or the way to it "
            "alters files: get the model elsewhere and use --import."
        )
        self.path, self.expected, self.got = path, expected, got


def explain(error: OSError, store: Path) -> FetchError:
    """Return the failure in words that ``error`` means while writing under ``store``."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FetchError(f"The disk that holds {store} is full. Make room and run the same command: it resumes.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
        return FetchError(
            f"Cannot write to {store}: {error.strerror}. Make it writable, or name another folder with --store "
            "or TAWNY_MODELS."
        )
    return FetchError(f"{error}. Run the same command again: it resumes.")
