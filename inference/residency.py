"""What is in memory: which engines have a worker, who makes room for whom, and when an idle one goes.

    residency = Residency(host, machine, catalogue, settings, tally)
    worker = residency.worker(slot, choice, caller)     # loaded, on the device of the choice; a holder's thread only
    residency.rest(slot)                                # nobody holds it any more: unload it now, later or never

One budget in bytes bounds all engines of a device together. A worker that died is replaced when it is asked for again;
after `Settings.gpu_deaths` deaths on the GPU its slot moves to the CPU for good. A load that fails leaves nothing
behind. Whose turn it is at an engine is decided above; here only, whether somebody holds it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from inference.catalogue import Catalogue, Row
from inference.choice import Choice
from inference.engine import Engine
from inference.errors import EngineFailed, OutOfMemory, ShuttingDown, TawnyError, WeightsMissing
from inference.hardware.machine import Machine
from inference.host import Host, Worker
from inference.lease import Caller
from inference.settings import Settings
from inference.slots import Slot, make_room
from inference.tally import Tally
from inference.verification import Verifier

log = logging.getLogger("tawny.pool")

LOAD_PATIENCE = 600.0


class Residency:
    """The workers of this gateway, by engine and model. ``changed`` guards ``slots`` and tells of every change."""

    def __init__(
        self,
        host: Host,
        machine: Machine,
        catalogue: Catalogue,
        settings: Settings,
        tally: Tally,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.changed = threading.Condition()
        self.slots: dict[tuple[str, str], Slot] = {}
        self._host = host
        self._machine = machine
        self._catalogue = catalogue
        self._settings = settings
        self._tally = tally
        self._clock = clock
        self._closed = False
        self._sweeper: threading.Thread | None = None
        self._verifier = Verifier(settings.models, settings.state)

    def slot(self, engine: type[Engine], row: Row) -> Slot:
        """Return the slot of an engine and a model."""
        with self.changed:
            return self.slots.setdefault((engine.name, row.id), Slot(engine, row))

    def all_slots(self) -> list[Slot]:
        """Return the slots as they are now; others may come meanwhile."""
        with self.changed:
            return list(self.slots.values())

    def wake(self) -> None:
        """Have everybody who waits look again."""
        with self.changed:
            self.changed.notify_all()

    # Loading ------------------------------------------------------------------------------------------------------

    def worker(self, slot: Slot, choice: Choice, caller: Caller) -> Worker:
        """Return a live worker on the device of ``choice``, starting one if need be. A holder's thread only.

        Nobody is let in beside a holder before its worker is loaded; should that die at once, the first to notice
        replaces it for all.
        """
        worker = slot.worker
        if worker is not None and worker.alive and slot.device == choice.device:
            self._set_busy(slot)
            return worker
        if worker is not None:
            self._end(slot)
        self._reserve(slot, choice, caller)
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
        self._tally.loaded((slot.engine.name, slot.row.id, choice.device.kind), self._clock() - started)
        self._set_busy(slot)
        log.info(
            "loaded %s (%s) on %s in %.1f s: %s",
            slot.engine.name, slot.row.id, choice.device.kind, self._clock() - started, choice.device.reason,
        )  # fmt: skip
        return worker

    def _set_busy(self, slot: Slot) -> None:
        with self.changed:
            slot.state = "busy"
            self.changed.notify_all()

    def _load(self, slot: Slot, choice: Choice) -> Worker:
        """Start a worker and load the model; a load that fails leaves nothing behind."""
        try:
            for row in (slot.row, *(self._catalogue.row(name) for name in slot.row.needs)):
                self._verifier.check(row)
        except (WeightsMissing, OSError) as error:
            slot.last_error = str(error)
            self._end(slot, "failed")
            raise
        slot.starts += 1
        environment = self._machine.worker_environment(slot.engine.name, choice.device)
        worker = self._host.start(slot.engine, environment)
        with self.changed:
            slot.worker = worker
            closed = self._closed
        if closed:  # `close` did not see this one
            self._end(slot)
            raise ShuttingDown("The server is shutting down; send the request again when it is back")
        try:
            worker.load(choice.weights, choice.device, LOAD_PATIENCE)
        except TawnyError as error:
            slot.failed_loads += 1
            slot.last_error = error.message
            self._end(slot, "failed")
            if isinstance(error, EngineFailed):
                self._count_death(slot)
            raise
        return worker

    def _unload_all_idle(self, wanted: Slot, kind: str) -> bool:
        """Unload every idle engine on ``kind`` that is not pinned; return whether there was one."""
        ended = [
            self.unload(slot.engine.name, slot.row.id)
            for slot in self.all_slots()
            if slot is not wanted
            and slot.device is not None
            and slot.device.kind == kind
            and slot.engine.name not in self._settings.pinned
        ]
        return any(ended)

    def _reserve(self, slot: Slot, choice: Choice, caller: Caller) -> None:
        """Set memory aside for a load: unload idle engines, wait for busy ones, or raise `OutOfMemory`."""
        forget = caller.on_cancel(self.wake)
        try:
            self._make_room(slot, choice, caller)
        finally:
            forget()

    def _make_room(self, slot: Slot, choice: Choice, caller: Caller) -> None:
        kind, needs = choice.device.kind, choice.row.needs_bytes
        budget = self._settings.memory_bytes or self._machine.budget(kind).bytes
        while True:
            with self.changed:
                caller.check()
                if self._closed:
                    raise ShuttingDown("The server is shutting down; send the request again when it is back")
                room = make_room(self.slots.values(), slot, kind, needs, budget, self._settings.pinned)
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
                    self.changed.wait()
            for idle in room.unload:
                log.info("unloading %s to make room for %s", idle.engine.name, slot.engine.name)
                self.unload(idle.engine.name, idle.row.id)

    def _end(self, slot: Slot, state: str = "unloaded") -> None:
        worker, slot.worker = slot.worker, None
        if worker is not None:
            worker.end()
        with self.changed:
            slot.state, slot.reserved = state, 0
            self.changed.notify_all()

    def note_failure(self, slot: Slot, error: EngineFailed) -> None:
        """Remember why a call failed, and count it if the worker died of it."""
        slot.last_error = error.message
        worker = slot.worker  # another holder may take it away meanwhile
        if worker is None or worker.alive:
            return
        self._end(slot, "failed")
        self._count_death(slot)

    def _count_death(self, slot: Slot) -> None:
        log.error("%s: %s", slot.engine.name, slot.last_error)
        self._tally.died((slot.engine.name, slot.row.id, "" if slot.device is None else slot.device.kind))
        if slot.device is None or slot.device.kind != "gpu":
            return
        slot.gpu_deaths += 1
        if slot.gpu_deaths >= self._settings.gpu_deaths and "cpu" in slot.engine.runs_on:
            slot.fell_back = f"it died {slot.gpu_deaths} times on the GPU, last: {slot.last_error}."
            log.error("%s moves to the CPU: %s", slot.engine.name, slot.fell_back)

    # Unloading ----------------------------------------------------------------------------------------------------

    def rest(self, slot: Slot) -> None:
        """See to the time to live of a slot that was just let go."""
        idle = self._settings.patience_with_idle(slot.engine.name)
        if idle == 0 and not slot.waiting:
            self.unload(slot.engine.name, slot.row.id)
        elif idle > 0:
            self._sweep_in_background()

    def unload(self, engine: str, model: str) -> bool:
        """End the worker of ``engine`` and ``model`` if nobody holds it; return whether one was ended."""
        with self.changed:
            slot = self.slots.get((engine, model))
            if slot is None or slot.worker is None or slot.holders:
                return False
            ticket = object()  # nobody may take the worker while it ends
            slot.holders.add(ticket)
        try:
            self._end(slot)
        finally:
            with self.changed:
                slot.holders.discard(ticket)
                self.changed.notify_all()
        log.info("unloaded %s (%s)", engine, model)
        return True

    def in_use(self, engine: str, model: str) -> bool:
        """Whether somebody holds ``model`` now."""
        slot = self.slots.get((engine, model))
        return slot is not None and bool(slot.holders)

    def sweep(self) -> float | None:
        """Unload what has been idle for too long; return the seconds until the next slot is due, None if none is."""
        due: float | None = None
        for slot in self.all_slots():
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
        with self.changed:
            if self._sweeper is not None and self._sweeper.is_alive():
                return

            def run() -> None:
                while not self._closed:
                    due = self.sweep()
                    with self.changed:
                        if self._closed or (due is None and not any(slot.holders for slot in self.slots.values())):
                            self._sweeper = None  # here and now: who lets go next must find that there is none
                            return
                        self.changed.wait(due)

            self._sweeper = threading.Thread(target=run, name="sweeper", daemon=True)
            self._sweeper.start()

    def close(self) -> None:
        """End every worker, whatever it does."""
        with self.changed:
            self._closed = True
            workers = [slot.worker for slot in self.slots.values() if slot.worker is not None]
            self.changed.notify_all()
        # All at once: a row of workers that do not listen must not add up.
        ending = [threading.Thread(target=worker.end, args=(1.0,), daemon=True) for worker in workers]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join()
