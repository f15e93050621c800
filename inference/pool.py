"""Who holds which worker: starts, shares, unloads, restarts, and moves an engine to the CPU when the GPU kills it.

One `Slot` per engine and model. A slot starts its worker at the first lease, hands it to one lease after another in
order of arrival, and unloads it after `Settings.idle_seconds` without a lease. A worker that died is replaced at the
next lease, never retried within one: the caller learns that its request failed. After `Settings.gpu_deaths` deaths on
the GPU the slot runs on the CPU and says so.

It knows no HTTP and nothing about pictures; who may ask how much is decided above.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from inference.catalogue import Catalogue, Row
from inference.engine import Engine, Verb, Weights
from inference.errors import EngineFailed, EngineNotInstalled, GpuRequired, TawnyError, UnknownModel, WeightsMissing
from inference.events import Event, Placed, Queued
from inference.hardware.device import Device
from inference.hardware.machine import Machine
from inference.hardware.placement import place
from inference.host import Call, Host, Worker
from inference.settings import Settings
from inference.weights import find

log = logging.getLogger("tawny.pool")

E = TypeVar("E", bound=Engine)
P = ParamSpec("P")
T = TypeVar("T")

LOAD_PATIENCE = 600.0


class Caller(Protocol):
    """On whose behalf a lease is held: a job."""

    def report(self, event: Event) -> None:
        """Take note of an event."""

    def check(self) -> None:
        """Raise `Cancelled` if the work is no longer wanted."""

    def on_cancel(self, action: Callable[[], None]) -> Callable[[], None]:
        """Have ``action`` run once at a cancel (at once if it was); return what takes it back."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a request will run on: a model that is there, and where it goes."""

    row: Row
    weights: Weights
    device: Device


class Lease(Generic[E]):
    """The right to call verbs of one loaded engine, until the ``with`` block ends."""

    def __init__(self, worker: Worker, choice: Choice, engine: type[E], caller: Caller) -> None:
        self._worker = worker
        self._engine = engine
        self._caller = caller
        self.choice = choice

    def call(self, verb: Callable[Concatenate[E, P], Verb[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``verb`` in the worker, report its events to the job and return its result.

        Raises whatever the verb raised, `Cancelled` if the job was cancelled, `EngineFailed` if the worker died.
        """
        self._caller.check()
        call: Call = self._worker.begin(verb.__name__, args, kwargs)
        forget = self._caller.on_cancel(call.cancel)
        try:
            result: T = self._worker.wait(call, self._engine.patience, self._caller.report)
        finally:
            forget()
        return result


@dataclass
class Slot:
    """One engine with one model: its worker, its queue and its history. Guarded by the pool's condition."""

    engine: type[Engine]
    row: Row
    state: str = "unloaded"
    worker: Worker | None = None
    device: Device | None = None
    holder: object | None = None
    waiting: deque[object] = field(default_factory=deque)
    idle_since: float = 0.0
    gpu_deaths: int = 0
    starts: int = 0
    last_error: str | None = None
    fell_back: str | None = None


class Pool:
    """All slots of this gateway."""

    def __init__(
        self,
        host: Host,
        machine: Machine,
        catalogue: Catalogue,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._machine = machine
        self._catalogue = catalogue
        self._settings = settings
        self._clock = clock
        self._changed = threading.Condition()
        self._slots: dict[tuple[str, str], Slot] = {}
        self._closed = False
        self._sweeper: threading.Thread | None = None

    # What will run where ------------------------------------------------------------------------------------------

    def choose(self, engine: type[Engine], model: str | None = None, *, require_gpu: bool = False) -> Choice:
        """Return the model and the device a request will get, loading nothing.

        ``model`` is an id or alias of the catalogue; None or an alias of the engine's default means the first of the
        preference list that has been fetched. Raises `UnknownModel`, `WeightsMissing`, `EngineNotInstalled`,
        `GpuRequired`: everything that can be refused before any work.
        """
        if missing := engine.missing():
            raise EngineNotInstalled(
                f"The {engine.name} needs the Python package {missing[0]}, which is not installed. Run ./scripts/setup"
            )
        rows = self._candidates(engine, model)
        first_error: WeightsMissing | None = None
        for row in rows:
            try:
                weights = self._weights(row)
            except WeightsMissing as error:
                first_error = first_error or error
                continue
            return Choice(row, weights, self._device(engine, row, require_gpu=require_gpu))
        raise first_error or WeightsMissing(
            f"The catalogue has no model for the {engine.name}. Look at models/manifest.toml"
        )

    def _candidates(self, engine: type[Engine], model: str | None) -> list[Row]:
        wanted = None if model is None else self._catalogue.resolve(model)
        if wanted is not None:
            row = self._catalogue.row(wanted)
            if row.engine != engine.name:
                raise UnknownModel(
                    f"The model {model!r} belongs to the {row.engine}, not the {engine.name}", param="model"
                )
            return [row]
        # Only what the operator or the catalogue names: a model that merely lies there (the base of an adapter) would
        # be plausibly wrong.
        preferred = self._settings.preferences.get(engine.name) or self._catalogue.preferences.get(engine.name, ())
        return [self._catalogue.row(name) for name in preferred]

    def _weights(self, row: Row) -> Weights:
        store = self._settings.models
        base = None if row.base is None else find(self._catalogue.row(row.base), store)
        return Weights(id=row.id, path=find(row, store), base=base, options=dict(row.options))

    def _device(self, engine: type[Engine], row: Row, *, require_gpu: bool = False) -> Device:
        slot = self._slots.get((engine.name, row.id))
        if slot is not None and slot.fell_back is not None:
            if require_gpu:
                raise GpuRequired(f"The {engine.name} was moved off the GPU: {slot.fell_back} Restart to try again.")
            on_cpu = place(engine.name, engine.runs_on, self._machine, "cpu", row.needs_bytes, library=engine.library)
            return Device(on_cpu.kind, on_cpu.torch_name, on_cpu.dtype, slot.fell_back)
        return place(
            engine.name,
            engine.runs_on,
            self._machine,
            self._settings.wish(engine.name),
            row.needs_bytes,
            library=engine.library,
            require_gpu=require_gpu,
        )

    # Leasing ------------------------------------------------------------------------------------------------------

    @contextmanager
    def lease(
        self, engine: type[E], caller: Caller, model: str | None = None, *, require_gpu: bool = False
    ) -> Iterator[Lease[E]]:
        """Wait for a turn at ``engine``, start its worker if need be, and hold it for the block."""
        choice = self.choose(engine, model, require_gpu=require_gpu)
        slot = self._slot(engine, choice.row)
        ticket = object()
        self._await_turn(slot, ticket, caller)
        try:
            worker = self._running_worker(slot, choice)
            caller.report(Placed(engine.name, choice.row.id, choice.device.kind, choice.device.reason))
            try:
                yield Lease(worker, choice, engine, caller)
            except EngineFailed as error:
                self._note_failure(slot, error)
                raise
        finally:
            self._release(slot, ticket)

    def _slot(self, engine: type[Engine], row: Row) -> Slot:
        with self._changed:
            return self._slots.setdefault((engine.name, row.id), Slot(engine, row))

    def _await_turn(self, slot: Slot, ticket: object, caller: Caller) -> None:
        def wake() -> None:
            with self._changed:
                self._changed.notify_all()

        forget = caller.on_cancel(wake)
        try:
            with self._changed:
                slot.waiting.append(ticket)
                told: int | None = None
                while slot.holder is not None or slot.waiting[0] is not ticket:
                    ahead = slot.waiting.index(ticket) + (slot.holder is not None)
                    if ahead != told:
                        told = ahead
                        caller.report(Queued(slot.engine.name, ahead))
                    caller.check()
                    self._changed.wait()
                caller.check()
                slot.waiting.popleft()
                slot.holder = ticket
        except BaseException:
            with self._changed:
                slot.waiting.remove(ticket)
                self._changed.notify_all()
            raise
        finally:
            forget()

    def _release(self, slot: Slot, ticket: object) -> None:
        with self._changed:
            slot.holder = None
            slot.idle_since = self._clock()
            if slot.state == "busy":
                slot.state = "ready"
            self._changed.notify_all()
        if self._settings.idle_seconds == 0 and not slot.waiting:
            self.unload(slot.engine.name, slot.row.id)
        elif self._settings.idle_seconds > 0:
            self._sweep_in_background()

    def _running_worker(self, slot: Slot, choice: Choice) -> Worker:
        """Return a live worker on the device of ``choice``, starting one if need be. The holder's thread only."""
        worker = slot.worker
        if worker is not None and worker.alive and slot.device == choice.device:
            slot.state = "busy"
            return worker
        if worker is not None:
            worker.end()
        slot.state, slot.device = "loading", choice.device
        started = self._clock()
        slot.starts += 1
        environment = self._machine.worker_environment(slot.engine.name, choice.device)
        worker = self._host.start(slot.engine, environment)
        slot.worker = worker
        try:
            worker.load(choice.weights, choice.device, LOAD_PATIENCE)
        except TawnyError as error:
            worker.end()
            slot.worker = None
            slot.state = "failed"
            slot.last_error = error.message
            if isinstance(error, EngineFailed):
                self._count_death(slot)
            raise
        slot.state = "busy"
        log.info(
            "loaded %s (%s) on %s in %.1f s: %s",
            slot.engine.name, slot.row.id, choice.device.kind, self._clock() - started, choice.device.reason,
        )  # fmt: skip
        return worker

    def _note_failure(self, slot: Slot, error: EngineFailed) -> None:
        slot.last_error = error.message
        if slot.worker is None or slot.worker.alive:
            return
        slot.worker = None
        slot.state = "failed"
        self._count_death(slot)

    def _count_death(self, slot: Slot) -> None:
        log.error("%s: %s", slot.engine.name, slot.last_error)
        if slot.device is None or slot.device.kind != "gpu":
            return
        slot.gpu_deaths += 1
        if slot.gpu_deaths >= self._settings.gpu_deaths and "cpu" in slot.engine.runs_on:
            slot.fell_back = f"it died {slot.gpu_deaths} times on the GPU, last: {slot.last_error}."
            log.error("%s moves to the CPU: %s", slot.engine.name, slot.fell_back)

    # Unloading ----------------------------------------------------------------------------------------------------

    def unload(self, engine: str, model: str) -> bool:
        """End the worker of ``engine`` and ``model`` if nobody holds it; return whether one was ended."""
        with self._changed:
            slot = self._slots.get((engine, model))
            if slot is None or slot.worker is None or slot.holder is not None:
                return False
            worker, slot.worker, slot.state = slot.worker, None, "unloaded"
        worker.end()
        log.info("unloaded %s (%s)", engine, model)
        return True

    def sweep(self) -> float | None:
        """Unload what has been idle for too long; return the seconds until the next slot is due, None if none is."""
        limit = self._settings.idle_seconds
        due: float | None = None
        for slot in list(self._slots.values()):
            if slot.worker is None or slot.holder is not None or limit < 0:
                continue
            left = slot.idle_since + limit - self._clock()
            if left <= 0:
                self.unload(slot.engine.name, slot.row.id)
            else:
                due = left if due is None else min(due, left)
        return due

    def _sweep_in_background(self) -> None:
        with self._changed:
            if self._sweeper is not None and self._sweeper.is_alive():
                return

            def run() -> None:
                while not self._closed:
                    due = self.sweep()
                    with self._changed:
                        if self._closed or (due is None and not any(slot.holder for slot in self._slots.values())):
                            return
                        self._changed.wait(due)

            self._sweeper = threading.Thread(target=run, name="sweeper", daemon=True)
            self._sweeper.start()

    def close(self) -> None:
        """End every worker, whatever it does."""
        with self._changed:
            self._closed = True
            workers = [slot.worker for slot in self._slots.values() if slot.worker is not None]
            self._changed.notify_all()
        for worker in workers:
            worker.end(grace=1.0)

    # Telling ------------------------------------------------------------------------------------------------------

    def describe(self, engines: tuple[type[Engine], ...]) -> dict[str, dict[str, Any]]:
        """Return what each engine is doing, for status: see the HTTP contract's Machine section for the fields."""
        return {engine.name: self._describe(engine) for engine in engines}

    def _describe(self, engine: type[Engine]) -> dict[str, Any]:
        slots = [slot for slot in self._slots.values() if slot.engine.name == engine.name]
        loaded = [slot for slot in slots if slot.worker is not None]
        slot = loaded[0] if loaded else (slots[0] if slots else None)
        told: dict[str, Any] = {
            "model": None, "state": "unloaded", "device": None, "dtype": None, "reason": None,
            "bytes": 0, "queue": 0, "starts": 0, "last_error": None, "pid": None,
        }  # fmt: skip
        if slot is not None and slot.device is not None:
            told |= {
                "model": slot.row.id, "state": slot.state, "device": slot.device.kind, "dtype": slot.device.dtype,
                "reason": slot.device.reason, "queue": len(slot.waiting), "starts": slot.starts,
                "last_error": slot.last_error,
                "bytes": 0 if slot.worker is None else slot.worker.resident_bytes,
                "pid": None if slot.worker is None else slot.worker.pid,
            }  # fmt: skip
            return told
        try:
            choice = self.choose(engine)
        except TawnyError as error:
            return told | {"state": "missing", "last_error": error.message, "reason": error.message}
        return told | {
            "model": choice.row.id, "device": choice.device.kind, "dtype": choice.device.dtype,
            "reason": choice.device.reason,
        }  # fmt: skip
