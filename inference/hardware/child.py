"""Runs a child process that may crash, hang or refuse to die, and comes back in bounded time whatever it does.

A bad GPU stack ends in a segfault, an abort, or a call into the driver that no signal ends. So: a limit, then
SIGTERM, then SIGKILL, and what is still there after that is left to a background thread that will collect it if it
ever ends. Output goes to files, because a pipe would be held open by whatever the child leaves behind.

    ended = run_child([sys.executable, "-c", "print(42)"], dict(os.environ), patience=10)
    ended.how == "exited" and ended.output == "42\\n"
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

_ROOT = Path(__file__).resolve().parent.parent.parent
_MOST_OUTPUT = 1 << 20


@dataclass(frozen=True)
class Ended:
    """How a child ended. `code` is its exit code when it exited, its signal's number when a signal ended it."""

    how: Literal["exited", "killed by a signal", "stopped at the limit", "cannot be stopped", "did not start"]
    code: int
    output: str
    complaint: str
    """The last line of its standard error, shortened."""
    seconds: float


class Process(Protocol):
    """The part of `subprocess.Popen` that stopping needs."""

    pid: int

    def wait(self, timeout: float | None = None) -> int:
        """Exit code, or `subprocess.TimeoutExpired`."""


def run_child(command: Sequence[str], environment: Mapping[str, str], patience: float, grace: float = 5.0) -> Ended:
    """Run `command` for at most `patience` seconds, plus twice `grace` to be rid of it. Raises nothing."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                cwd=_ROOT,
                env=dict(environment),
                start_new_session=True,  # so that its own children go with it
            )
        except OSError as error:
            return Ended("did not start", 0, "", str(error), 0.0)
        try:
            code = process.wait(timeout=patience)
            how: Literal["exited", "killed by a signal", "stopped at the limit", "cannot be stopped"]
            how = "exited" if code >= 0 else "killed by a signal"
        except subprocess.TimeoutExpired:
            how = "stopped at the limit" if stop(process, grace) else "cannot be stopped"
            code = 0
        seconds = time.monotonic() - started
        for stream in (output, errors):
            stream.seek(0)
        text = output.read(_MOST_OUTPUT).decode("utf-8", errors="replace")
        complaint = _last_line(errors.read(_MOST_OUTPUT).decode("utf-8", errors="replace"))
    return Ended(how, abs(code), text, complaint, seconds)


def stop(process: Process, grace: float) -> bool:
    """Ask, then force: True when it is gone, False when it was left to the reaper. At most twice `grace` seconds."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # Its group, which is its own since it leads a session; our own group is never meant.
            os.killpg(process.pid, sign)
        try:
            process.wait(timeout=grace)
            return True
        except subprocess.TimeoutExpired:
            continue
    threading.Thread(target=process.wait, name=f"reaper of {process.pid}", daemon=True).start()
    return False


def signal_name(number: int) -> str:
    """11 -> "SIGSEGV"."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
