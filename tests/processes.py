"""The stand-in gateway as a process, and what the kernel says about the processes under it."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from inference.settings import ROOT

PATIENCE = 90.0


@dataclass
class StandIn:
    """A gateway process. Its state is in ``folder / "state"``, its log in ``folder / "log"``."""

    process: subprocess.Popen[str]
    url: str
    folder: Path

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    @property
    def log(self) -> str:
        """What it has written so far."""
        return (self.folder / "log").read_text()

    def workers(self) -> list[int]:
        """Return the process ids of its workers."""
        return children_of(self.process.pid)

    def kill(self) -> None:
        """Kill it as the system would, without a word."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)


@contextmanager
def standing_in(folder: Path, prefix: Sequence[str] = (), **variables: str) -> Iterator[StandIn]:
    """Run a stand-in gateway on a free port, ``variables`` in its environment and ``prefix`` before its command."""
    state = folder / "state"
    state.mkdir(exist_ok=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TAWNY_")}
    environment |= {"TAWNY_PORT": "0", "TAWNY_STATE": str(state), "TAWNY_MODELS": str(folder / "models"), **variables}
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "tests.standin"],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("Tawny serves at"), (folder / "log").read_text()
        yield StandIn(process, line.split()[-1], folder)
    finally:
        process.kill()
        process.wait(PATIENCE)
        process.stdout.close()


def children_of(pid: int) -> list[int]:
    """Return the process ids of all descendants that are no zombies."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found = list(parents.get(pid, []))
    for child in found:
        found.extend(parents.get(child, []))
    return found


def is_gone(pid: int) -> bool:
    """Whether the process has ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_until(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Return as soon as ``true()`` is; fail after ``seconds``. For what another process does: nothing tells us."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def free_port() -> int:
    """Return a port on which nobody listens, and which the system gives to nobody who asks for any."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(lowest // 2, lowest)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def serving(state: Path, **variables: str) -> Iterator[str]:
    """Run ``python -m api`` with the real models and ``variables`` in its environment; yield its address."""
    port = free_port()
    environment = {
        **os.environ,
        "TAWNY_PORT": str(port),
        "TAWNY_STATE": str(state),
        "TAWNY_DEVICE": "cpu",
        "HF_HUB_OFFLINE": "1",
        **variables,
    }
    process = subprocess.Popen([sys.executable, "-m", "api"], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert b"127.0.0.1" in process.stdout.readline()
    yield f"http://127.0.0.1:{port}"
    process.send_signal(signal.SIGTERM)
    process.stdout.close()
    assert process.wait(30) in (0, -signal.SIGTERM)  # uvicorn hands the signal on after it has ended in order
