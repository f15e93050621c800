"""One server per state folder: two would resume the same jobs and overwrite each other's files.

    claim = claim_folder(settings.state)      # FolderTakenError while another process has it

The claim is a lock of the kernel on ``lock`` in the folder: it ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO


class FolderTakenError(RuntimeError):
    """Another server has the folder, or it cannot be written; the message says which and what to do."""


def claim_folder(folder: Path) -> IO[str]:
    """Return the open lock, to be kept as long as the folder is used. Raises `FolderTakenError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a+")
    except OSError as error:
        raise FolderTakenError(
            f"The state folder {folder} cannot be written ({error.strerror or error}). Name another with TAWNY_STATE"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise FolderTakenError(
            f"Another server uses the state folder {folder}"
            + (f" (process {holder})" if holder else "")
            + ". Stop it, "
            "or give this one a folder of its own with TAWNY_STATE"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
