"""Where workers come from: the narrow seam under the pool.

The pool asks a `Host` for a worker of an engine and gets a `Worker`, a stub that sends calls. `LocalHost` makes
processes of this machine. A host that makes workers on other machines implements the same one method; nothing above
may know which. `ThreadHost` serves fakes to tests through the very same loop and messages.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from inference import worker as worker_loop
from inference.engine import Engine, Weights
from inference.errors import EngineFailed, TawnyError, restore
from inference.events import Event
from inference.hardware.device import Device
from inference.labels import REQUEST_ID
from inference.settings import ROOT

log = logging.getLogger("tawny.host")


SILENT = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
"""Nothing leaves the machine at run time. onnxruntime 1.29 and later, on Linux, tell Microsoft about every model that
is loaded unless the first of these is set; the others keep Hugging Face's libraries from asking for what lies here."""


class Body(Protocol):
    """What runs the loop at the other end: a process, a thread, a machine elsewhere."""

    @property
    def pid(self) -> int | None:
        """Process id, if it is a process here."""

    def kill(self) -> None:
        """End it now, whatever it does."""

    def describe_end(self) -> str:
        """Say in words how it ended; only called after the connection closed."""

    def is_alive(self) -> bool:
        """Whether it still runs."""


class Call:
    """One verb under way in a worker. Iterate `receive` until it returns an outcome."""

    def __init__(self, worker: Worker, number: int) -> None:
        self._worker = worker
        self.number = number
        self.inbox: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()

    def cancel(self) -> None:
        """Ask the worker to stop at its next event; safe from any thread, any number of times."""
        self._worker.send(("cancel", self.number))


class Worker:
    """The gateway's end of one worker: sends calls, sorts answers, notices death."""

    def __init__(self, connection: Connection, body: Body, engine: str) -> None:
        self._connection = connection
        self._body = body
        self._engine = engine
        self._numbers = itertools.count(1)
        self._calls: dict[int, Call] = {0: Call(self, 0)}
        self._lock = threading.Lock()
        self._dead: str | None = None
        self._reader = threading.Thread(target=self._read, name=f"{engine}-answers", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int | None:
        """Process id, if the worker is a process of this machine."""
        return self._body.pid

    @property
    def alive(self) -> bool:
        """False once the connection has closed."""
        return self._dead is None

    @property
    def resident_bytes(self) -> int:
        """Memory the process holds in RAM now, in bytes; 0 where that cannot be read."""
        try:
            pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def load(self, weights: Weights, device: Device, patience: float) -> None:
        """Load the engine. Raises what the load raised, or `EngineFailed` if the process died or hung."""
        self.send(("load", weights, device))
        self.wait(self._calls[0], patience, lambda event: None)

    def begin(self, verb: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """Start a call; its answers come through `wait`."""
        call = Call(self, next(self._numbers))
        with self._lock:
            if self._dead is not None:
                raise EngineFailed(self._dead)
            self._calls[call.number] = call
        self.send(("call", call.number, verb, args, kwargs, REQUEST_ID.get()))
        return call

    def wait(self, call: Call, patience: float, report: Callable[[Event], None]) -> Any:
        """Hand each event of ``call`` to ``report`` and return the result, or raise the error.

        A worker that is silent for ``patience`` seconds is killed and the call raises `EngineFailed`.
        """
        while True:
            try:
                message = call.inbox.get(timeout=patience)
            except queue.Empty:
                self._body.kill()
                self._reader.join(5.0)  # so that nobody is handed this worker again
                raise EngineFailed(f"{self._engine} gave no sign of life for {patience:.0f} s and was ended") from None
            kind = message[0]
            if kind == "event":
                report(message[1])
                continue
            with self._lock:
                self._calls.pop(call.number, None)
            if kind == "done":
                return message[1]
            error: TawnyError = message[1]
            raise error

    def send(self, message: tuple[Any, ...]) -> None:
        """Send one message; a dead worker swallows it, since the reader tells every caller."""
        try:
            with self._lock:
                self._connection.send(message)
        except (OSError, ValueError):
            log.debug("%s is gone; %s was not sent", self._engine, message[0])

    def end(self, grace: float = 5.0) -> None:
        """End the worker and wait until it is gone; its memory goes back to the system."""
        self.send(("end",))
        self._reader.join(grace)
        if self._reader.is_alive() or self._body.is_alive():
            self._body.kill()
            self._reader.join(grace)

    def kill(self) -> None:
        """End the worker at once."""
        self._body.kill()

    def _read(self) -> None:
        try:
            while True:
                message = self._connection.recv()
                if message[0] == "loaded":
                    self._deliver(0, ("done", None))
                elif message[0] == "event":
                    self._deliver(message[1], ("event", message[2]))
                elif message[0] == "done":
                    self._deliver(message[1], ("done", message[2]))
                else:
                    self._deliver(message[1], ("failed", restore(message[2], message[3])))
        except (EOFError, OSError):
            pass
        ending = f"{self._engine}'s worker {self._body.describe_end()}"
        with self._lock:
            self._dead = ending
            waiting = list(self._calls.values())
            self._connection.close()
        for call in waiting:
            call.inbox.put(("failed", EngineFailed(ending)))

    def _deliver(self, number: int, message: tuple[Any, ...]) -> None:
        with self._lock:
            call = self._calls.get(number)
        if call is not None:
            call.inbox.put(message)


class Host(Protocol):
    """Whoever can make workers."""

    def start(self, engine: type[Engine], environment: Mapping[str, str | None]) -> Worker:
        """Start a worker of ``engine`` with ``environment`` laid over this process's own (None removes a name)."""


class _Process:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def describe_end(self) -> str:
        try:
            code = self._process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            return "closed its connection and cannot be ended; the system holds it"
        if code == 0:
            return "ended"
        if code < 0:
            return f"was ended by signal {-code}" + (" (out of memory?)" if code == -9 else "")
        return f"ended with exit code {code}; its log says why"


class LocalHost:
    """Workers as child processes of this machine, one socket pair each, nothing listening."""

    def __init__(self) -> None:
        # One thread starts every child: the kernel's death signal is bound to the *thread* that made the child.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")

    def start(self, engine: type[Engine], environment: Mapping[str, str | None]) -> Worker:
        """Start ``python -m inference.worker`` for ``engine``."""
        return self._starter.submit(self._start, engine, environment).result()

    def _start(self, engine: type[Engine], environment: Mapping[str, str | None]) -> Worker:
        ours, theirs = socket.socketpair()
        variables = {**os.environ, **SILENT}
        for name, value in environment.items():
            if value is None:
                variables.pop(name, None)
            else:
                variables[name] = value
        command = [sys.executable, "-m", "inference.worker", str(theirs.fileno()), engine.__module__, engine.__name__]
        with theirs:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=variables,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in the terminal goes to the gateway alone.
            )
        return Worker(Connection(ours.detach()), _Process(process), engine.name)


class _Thread:
    def __init__(self, thread: threading.Thread, connection: Connection) -> None:
        self._thread = thread
        self._connection = connection

    @property
    def pid(self) -> int | None:
        return None

    def kill(self) -> None:
        _hang_up(self._connection)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def describe_end(self) -> str:
        return "was ended"


def _hang_up(connection: Connection) -> None:
    """End a connection for both ends. Closing a descriptor does not wake a thread that reads it; shutting down does."""
    try:
        descriptor = os.dup(connection.fileno())
    except OSError:
        return  # already closed
    with socket.socket(fileno=descriptor) as end, contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


class ThreadHost:
    """Workers as threads of this process: for tests, with a fake class in an engine's place.

    >>> host = ThreadHost({Inpainter: FakeInpainter})  # doctest: +SKIP
    """

    def __init__(self, substitutes: Mapping[type[Engine], type[Engine]]) -> None:
        self._substitutes = dict(substitutes)
        self.started: list[tuple[type[Engine], float]] = []

    def start(self, engine: type[Engine], environment: Mapping[str, str | None]) -> Worker:
        """Run the substitute of ``engine`` in a thread; an engine without one is a `KeyError`."""
        chosen = self._substitutes[engine]
        self.started.append((chosen, time.monotonic()))
        ours, theirs = Pipe()

        def run() -> None:
            try:
                worker_loop.serve(theirs, chosen(), on_hangup=lambda: None)
            finally:
                _hang_up(theirs)

        thread = threading.Thread(target=run, name=f"fake-{engine.name}", daemon=True)
        thread.start()
        return Worker(ours, _Thread(thread, theirs), engine.name)
