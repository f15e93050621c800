"""The child process: one engine, one loop.

Started by ``inference/host.py`` as ``python -m inference.worker FD``, where FD is one end of a socket pair: the only
way in or out. Messages are tuples (see `serve`). Calls are generators; the loop advances each running call by one
event in turn, so that several calls share one model fairly and a cancel takes effect at the next event. When the
other end closes, the process ends at once: no worker outlives its gateway.

It knows nothing of pools, jobs or HTTP.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from inference.engine import Engine, Verb
from inference.errors import Cancelled, EngineFailed, OutOfMemory, TawnyError, describe
from inference.labels import REQUEST_ID, StampRequestId

log = logging.getLogger("tawny.worker")

Message = tuple[Any, ...]
Running = tuple[Verb[Any], str]
"""A call under way, and the id of the request it serves."""


def serve(connection: Connection, engine: Engine, on_hangup: Callable[[], None]) -> None:
    """Run calls of ``engine`` until the other end hangs up.

    In:  ``("load", Weights, Device)`` · ``("call", id, verb, args, kwargs, request id)`` · ``("cancel", id)`` ·
    ``("end",)``
    Out: ``("loaded",)`` · ``("event", id, Event)`` · ``("done", id, value)`` · ``("failed", id, class, fields)``,
    where a failed load has the id 0.
    """
    inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def read() -> None:
        try:
            while True:
                inbox.put(connection.recv())
        except (EOFError, OSError):
            inbox.put(("end",))
            on_hangup()

    threading.Thread(target=read, name="inbox", daemon=True).start()
    running: dict[int, Running] = {}
    while True:
        while not inbox.empty() or not running:
            message = inbox.get()
            if message[0] == "end":
                for verb, _ in running.values():
                    verb.close()
                return
            _accept(message, connection, engine, running)
        for call, (verb, request_id) in list(running.items()):
            token = REQUEST_ID.set(request_id)
            _advance(call, verb, connection, running)
            REQUEST_ID.reset(token)


def _accept(message: Message, connection: Connection, engine: Engine, running: dict[int, Running]) -> None:
    kind = message[0]
    if kind == "load":
        try:
            engine.load(*message[1:])
            _send(connection, ("loaded",))
        except BaseException as error:
            _send(connection, ("failed", 0, *describe(_own(error))))
    elif kind == "call":
        _, call, verb, args, kwargs, request_id = message
        running[call] = getattr(engine, verb)(*args, **kwargs), request_id
    elif kind == "cancel":
        found = running.pop(message[1], None)
        if found is not None:
            # The generator gets GeneratorExit at its last event, so its own clean-up runs here.
            with contextlib.suppress(Exception):
                found[0].close()
            _send(connection, ("failed", message[1], *describe(Cancelled("cancelled"))))


def _advance(call: int, verb: Verb[Any], connection: Connection, running: dict[int, Running]) -> None:
    try:
        _send(connection, ("event", call, next(verb)))
    except StopIteration as end:
        del running[call]
        _send(connection, ("done", call, end.value))
    except BaseException as error:
        del running[call]
        _send(connection, ("failed", call, *describe(_own(error))))


def _own(error: BaseException) -> TawnyError:
    """Turn any exception into one of ours; a stranger becomes `EngineFailed`, and its traceback goes to the log."""
    if isinstance(error, TawnyError):
        return error
    if type(error).__name__ == "OutOfMemoryError" or isinstance(error, MemoryError):  # torch's, without importing torch
        return OutOfMemory(f"The memory ran out: {error}. Ask for a smaller picture, or choose a smaller model")
    log.error("".join(traceback.format_exception(error)))
    return EngineFailed(f"{type(error).__name__}: {error}")


def _send(connection: Connection, message: Message) -> None:
    # A gateway that is gone needs no answer; the reader ends the process.
    with contextlib.suppress(OSError):
        connection.send(message)


def main() -> None:
    """Entry of the child process: FD, module and class of the engine come as arguments."""
    descriptor, module, name = sys.argv[1:4]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the gateway's to handle; it closes the connection.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: even a hung call ends with the gateway.
    handler = logging.StreamHandler()
    handler.addFilter(StampRequestId())
    line = f"%(asctime)s %(levelname)s {name.lower()} [%(request)s] %(message)s"
    logging.basicConfig(level=logging.INFO, format=line, handlers=[handler])
    engine_class: type[Engine] = getattr(import_module(module), name)
    connection = Connection(int(descriptor))
    # os._exit: a call that never returns to Python must not keep the process alive.
    serve(connection, engine_class(), on_hangup=lambda: os._exit(0))


if __name__ == "__main__":
    main()
