"""Who holds which worker: starts, shares, unloads, restarts, and moves an engine to the CPU when the GPU kills it.

One `Slot` per engine and model. A slot starts its worker at the first lease, hands it out in turns that are fair
between callers, to as many leases at once as the engine shares itself between, and unloads it when it has been idle for
too long or when another model needs its memory. A worker that died is replaced at the next lease, never retried within
one: the caller learns that its request failed. After `Settings.gpu_deaths` deaths on the GPU the slot runs on the CPU
and says so. Where an engine has a list of preferred models, one that does not load is passed over for the next, and the
device's sentence says so.

It knows no HTTP and nothing about pictures; who may ask how much is decided above.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from inference.catalogue import Catalogue, Row
from inference.choice import Choice, Chooser
from inference.engine import Engine
from inference.errors import Busy, EngineFailed, OutOfMemory, ShuttingDown, TawnyError, WeightsMissing
from inference.events import Placed, Queued
from inference.hardware.machine import Machine
from inference.host import Host, Worker
from inference.lease import Caller, Lease
from inference.line import share
from inference.settings import Settings
from inference.slots import Slot, describe_slot, make_room
from inference.tally import Tally
from inference.verification import Verifier

log = logging.getLogger("tawny.pool")

E = TypeVar("E", bound=Engine)

LOAD_PATIENCE = 600.0


class Ticket:
    """A turn that is waited for or held."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller


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
        self._settings = settings
        self._clock = clock
        self._changed = threading.Condition()
        self._slots: dict[tuple[str, str], Slot] = {}
        self._closed = False
        self._sweeper: threading.Thread | None = None
        self._catalogue = catalogue
        self.tally = Tally()
        self._verifier = Verifier(settings.models, settings.state)
        self._chooser = Chooser(machine, catalogue, settings, self._slots)

    def choose(self, engine: type[Engine], model: str | None = None, *, require_gpu: bool = False) -> Choice:
        """Return the model and the device a request will get, loading nothing; see `Chooser.choices` for refusals."""
        return self._chooser.choices(engine, model, require_gpu=require_gpu)[0]

    # Leasing ------------------------------------------------------------------------------------------------------

    @contextmanager
    def lease(
        self, engine: type[E], caller: Caller, model: str | None = None, *, require_gpu: bool = False
    ) -> Iterator[Lease[E]]:
        """Wait for a turn at ``engine``, start its worker if need be, and hold it for the block."""
        choices = self._chooser.choices(engine, model, require_gpu=require_gpu)
        passed_over = ""
        for number, choice in enumerate(choices):
            slot = self._slot(engine, choice.row)
            ticket = Ticket(caller)
            began = time.monotonic()
            self._await_turn(slot, ticket, choice, caller)
            self.tally.waited((engine.name, choice.row.id, choice.device.kind), time.monotonic() - began)
            try:
                try:
                    with slot.starting:
                        worker = self._running_worker(slot, choice, caller)
                except (EngineFailed, OutOfMemory) as error:
                    if number + 1 == len(choices):
                        raise
                    passed_over += f"; {choice.row.id} was passed over: {error.message}"
                    log.warning("%s: %s could not be loaded, trying the next", engine.name, choice.row.id)
                    continue
                reason = choice.device.reason + passed_over
                if passed_over:
                    slot.device = replace(choice.device, reason=reason)
                caller.report(Placed(engine.name, choice.row.id, choice.device.kind, reason))
                try:
                    yield Lease(worker, choice, engine, caller, self._settings.patience.get(engine.name), self.tally)
                except EngineFailed as error:
                    self._note_failure(slot, error)
                    raise
                return
            finally:
                self._release(slot, ticket)

    def _slot(self, engine: type[Engine], row: Row) -> Slot:
        with self._changed:
            return self._slots.setdefault((engine.name, row.id), Slot(engine, row))

    def _await_turn(self, slot: Slot, ticket: object, choice: Choice, caller: Caller) -> None:
        forget = caller.on_cancel(self._wake)
        try:
            with self._changed:
                self._refuse_too_many(slot, caller)
                slot.waiting.join(ticket, caller.caller)
                told: int | None = None
                while (order := slot.waiting.order())[0] is not ticket or not slot.admits(choice.device):
                    ahead = order.index(ticket) + len(slot.holders)
                    if ahead != told:
                        told = ahead
                        caller.report(Queued(slot.engine.name, ahead))
                    caller.check()
                    self._changed.wait()
                caller.check()
                slot.waiting.serve(ticket)
                slot.holders.add(ticket)
                self._changed.notify_all()  # the next in line may be let in beside this one
        except BaseException:
            with self._changed:
                slot.waiting.leave(ticket)
                self._changed.notify_all()
            raise
        finally:
            forget()

    def check_room(self, engine: type[Engine], choice: Choice, caller: Caller) -> None:
        """Raise `Busy` if ``caller`` would be refused a turn, unless it has one or waits for one already.

        For whoever must know before an answer begins; a lease checks it again.
        """
        slot = self._slot(engine, choice.row)
        with self._changed:
            tickets = (*slot.waiting.order(), *slot.holders)
            if not any(isinstance(ticket, Ticket) and ticket.caller is caller for ticket in tickets):
                self._refuse_too_many(slot, caller)

    def _refuse_too_many(self, slot: Slot, caller: Caller) -> None:
        limit = self._settings.queue_length
        if len(slot.waiting) >= limit:
            raise Busy(
                f"{len(slot.waiting)} requests already wait for the {slot.engine.name}; try again in a moment, "
                "or raise TAWNY_QUEUE_LENGTH"
            )
        if caller.caller and slot.waiting.of(caller.caller) >= share(limit):
            raise Busy(
                f"{share(limit)} of your requests already wait for the {slot.engine.name}, and the other places are "
                "kept for other callers; try again in a moment"
            )

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _release(self, slot: Slot, ticket: object) -> None:
        with self._changed:
            slot.holders.discard(ticket)
            slot.idle_since = self._clock()
            if slot.state == "busy" and not slot.holders:
                slot.state = "ready"
            self._changed.notify_all()
        idle = self._settings.patience_with_idle(slot.engine.name)
        if idle == 0 and not slot.waiting:
            self.unload(slot.engine.name, slot.row.id)
        elif idle > 0:
            self._sweep_in_background()

    def _running_worker(self, slot: Slot, choice: Choice, caller: Caller) -> Worker:
        """Return a live worker on the device of ``choice``, starting one if need be. A holder's thread only.

        Nobody is let in beside a holder before its worker is loaded; should that die at once, the first to notice
        replaces it for all.
        """
        worker = slot.worker
        if worker is not None and worker.alive and slot.device == choice.device:
            self._set_busy(slot)
            return worker
        if worker is not None:
            self._end_worker(slot)
        forget = caller.on_cancel(self._wake)
        try:
            self._reserve(slot, choice, caller)
        finally:
            forget()
        started = self._clock()
        try:
            worker = self._load(slot, choice)
        except OutOfMemory:
            # Estimates err: what is idle goes, and it is tried once more.
            if not self._unload_all_idle(slot, choice.device.kind):
                raise
            self._reserve(slot, choice, caller)
            worker = self._load(slot, choice)
        slot.failed_loads = 0
        self.tally.loaded((slot.engine.name, slot.row.id, choice.device.kind), self._clock() - started)
        self._set_busy(slot)
        log.info(
            "loaded %s (%s) on %s in %.1f s: %s",
            slot.engine.name, slot.row.id, choice.device.kind, self._clock() - started, choice.device.reason,
        )  # fmt: skip
        return worker

    def _set_busy(self, slot: Slot) -> None:
        with self._changed:
            slot.state = "busy"
            self._changed.notify_all()

    def _load(self, slot: Slot, choice: Choice) -> Worker:
        """Start a worker and load the model; a load that fails leaves nothing behind."""
        try:
            for row in (slot.row, *(self._catalogue.row(name) for name in slot.row.needs)):
                self._verifier.check(row)
        except (WeightsMissing, OSError) as error:
            slot.last_error = str(error)
            self._end_worker(slot, "failed")
            raise
        slot.starts += 1
        environment = self._machine.worker_environment(slot.engine.name, choice.device)
        worker = self._host.start(slot.engine, environment)
        with self._changed:
            slot.worker = worker
            closed = self._closed
        if closed:  # `close` did not see this one
            self._end_worker(slot)
            raise ShuttingDown("The server is shutting down; send the request again when it is back")
        try:
            worker.load(choice.weights, choice.device, LOAD_PATIENCE)
        except TawnyError as error:
            slot.failed_loads += 1
            slot.last_error = error.message
            self._end_worker(slot, "failed")
            if isinstance(error, EngineFailed):
                self._count_death(slot)
            raise
        return worker

    def _unload_all_idle(self, wanted: Slot, kind: str) -> bool:
        """Unload every idle engine on ``kind`` that is not pinned; return whether there was one."""
        ended = [
            self.unload(slot.engine.name, slot.row.id)
            for slot in list(self._slots.values())
            if slot is not wanted
            and slot.device is not None
            and slot.device.kind == kind
            and slot.engine.name not in self._settings.pinned
        ]
        return any(ended)

    def _reserve(self, slot: Slot, choice: Choice, caller: Caller) -> None:
        """Set memory aside for a load: unload idle engines, wait for busy ones, or raise `OutOfMemory`."""
        kind, needs = choice.device.kind, choice.row.needs_bytes
        budget = self._settings.memory_bytes or self._machine.budget(kind).bytes
        while True:
            with self._changed:
                caller.check()
                if self._closed:
                    raise ShuttingDown("The server is shutting down; send the request again when it is back")
                room = make_room(self._slots.values(), slot, kind, needs, budget, self._settings.pinned)
                if not room.possible:
                    raise OutOfMemory(
                        f"The {slot.engine.name} needs {needs >> 20} MiB for {slot.row.id}, and all models together "
                        f"may take {budget >> 20} MiB on the {kind}. Choose a smaller model with "
                        f"TAWNY_{slot.engine.name.upper()}, unpin others, or raise TAWNY_MEMORY_BYTES"
                    )
                if not room.unload and not room.wait:
                    slot.state, slot.device, slot.reserved = "loading", choice.device, needs
                    return
                if room.wait:
                    self._changed.wait()
            for idle in room.unload:
                log.info("unloading %s to make room for %s", idle.engine.name, slot.engine.name)
                self.unload(idle.engine.name, idle.row.id)

    def _end_worker(self, slot: Slot, state: str = "unloaded") -> None:
        worker, slot.worker = slot.worker, None
        if worker is not None:
            worker.end()
        with self._changed:
            slot.state, slot.reserved = state, 0
            self._changed.notify_all()

    def _note_failure(self, slot: Slot, error: EngineFailed) -> None:
        slot.last_error = error.message
        if slot.worker is None or slot.worker.alive:
            return
        self._end_worker(slot, "failed")
        self._count_death(slot)

    def _count_death(self, slot: Slot) -> None:
        log.error("%s: %s", slot.engine.name, slot.last_error)
        self.tally.died((slot.engine.name, slot.row.id, "" if slot.device is None else slot.device.kind))
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
            if slot is None or slot.worker is None or slot.holders:
                return False
            ticket = object()  # nobody may take the worker while it ends
            slot.holders.add(ticket)
        self._end_worker(slot)
        with self._changed:
            slot.holders.discard(ticket)
            self._changed.notify_all()
        log.info("unloaded %s (%s)", engine, model)
        return True

    def in_use(self, engine: str, model: str) -> bool:
        """Whether somebody holds ``model`` now."""
        slot = self._slots.get((engine, model))
        return slot is not None and bool(slot.holders)

    def sweep(self) -> float | None:
        """Unload what has been idle for too long; return the seconds until the next slot is due, None if none is."""
        due: float | None = None
        for slot in list(self._slots.values()):
            limit = self._settings.patience_with_idle(slot.engine.name)
            if slot.worker is None or slot.holders or limit < 0:
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
                        if self._closed or (due is None and not any(slot.holders for slot in self._slots.values())):
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
        # All at once: a row of workers that do not listen must not add up.
        ending = [threading.Thread(target=worker.end, args=(1.0,), daemon=True) for worker in workers]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join()

    # Telling ------------------------------------------------------------------------------------------------------

    def describe(self, engines: tuple[type[Engine], ...]) -> dict[str, dict[str, Any]]:
        """Return what each engine is doing, for status: see the HTTP contract's Machine section for the fields."""
        return {engine.name: self._describe(engine) for engine in engines}

    def _describe(self, engine: type[Engine]) -> dict[str, Any]:
        slots = [slot for slot in self._slots.values() if slot.engine.name == engine.name]
        loaded = [slot for slot in slots if slot.worker is not None]
        slot = loaded[0] if loaded else (slots[0] if slots else None)
        if slot is not None and slot.device is not None:
            return describe_slot(slot)
        told: dict[str, Any] = {
            "model": None, "state": "unloaded", "device": None, "dtype": None, "reason": None,
            "bytes": 0, "queue": 0, "starts": 0, "gpu_deaths": 0, "last_error": None, "pid": None,
        }  # fmt: skip
        try:
            choice = self.choose(engine)
        except TawnyError as error:
            return told | {"state": "missing", "last_error": error.message, "reason": error.message}
        return told | {
            "model": choice.row.id, "device": choice.device.kind, "dtype": choice.device.dtype,
            "reason": choice.device.reason,
        }  # fmt: skip
