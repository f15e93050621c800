"""Who may use which engine, and when: turns that are fair between callers, and leases.

    with pool.lease(Parser, job) as parser:
        plan = parser.call(Parser.parse, "rotate right", schema)

One `Slot` per engine and model, handed out to as many leases at once as the engine shares itself between; who comes too
many is told so at once. A worker is never retried within a lease: the caller learns that its request failed, and the
next lease gets a new one. Where an engine has a list of preferred models, one that does not load is passed over for the
next, and the device's sentence says so.

What is in memory meanwhile is the part of ``residency.py``. It knows no HTTP and nothing about pictures; who may ask
how much is decided above.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from inference.catalogue import Catalogue
from inference.choice import Choice, Chooser
from inference.engine import Engine
from inference.errors import Busy, EngineFailed, OutOfMemory, TawnyError
from inference.events import Placed, Queued
from inference.hardware.machine import Machine
from inference.host import Host
from inference.lease import Caller, Lease
from inference.line import share
from inference.residency import Residency
from inference.settings import Settings
from inference.slots import Slot, describe_slot
from inference.tally import Tally

log = logging.getLogger("tawny.pool")

E = TypeVar("E", bound=Engine)


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
        self.tally = Tally()
        self._settings = settings
        self._clock = clock
        self._residency = Residency(host, machine, catalogue, settings, self.tally, clock)
        self._changed = self._residency.changed
        self._chooser = Chooser(machine, catalogue, settings, self._residency.slots)

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
            slot = self._residency.slot(engine, choice.row)
            ticket = Ticket(caller)
            began = self._clock()
            self._await_turn(slot, ticket, choice, caller)
            self.tally.waited((engine.name, choice.row.id, choice.device.kind), self._clock() - began)
            try:
                try:
                    with slot.starting:
                        worker = self._residency.worker(slot, choice, caller)
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
                    patience = self._settings.patience.get(engine.name, engine.patience)
                    yield Lease(worker, choice, engine, caller, patience, self.tally, self._clock)
                except EngineFailed as error:
                    self._residency.note_failure(slot, error)
                    raise
                return
            finally:
                self._release(slot, ticket)

    def _await_turn(self, slot: Slot, ticket: object, choice: Choice, caller: Caller) -> None:
        forget = caller.on_cancel(self._residency.wake)
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
        slot = self._residency.slot(engine, choice.row)
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

    def _release(self, slot: Slot, ticket: object) -> None:
        with self._changed:
            slot.holders.discard(ticket)
            slot.idle_since = self._clock()
            if slot.state == "busy" and not slot.holders:
                slot.state = "ready"
            self._changed.notify_all()
        self._residency.rest(slot)

    # Memory -------------------------------------------------------------------------------------------------------

    def unload(self, engine: str, model: str) -> bool:
        """End the worker of ``engine`` and ``model`` if nobody holds it; return whether one was ended."""
        return self._residency.unload(engine, model)

    def in_use(self, engine: str, model: str) -> bool:
        """Whether somebody holds ``model`` now."""
        return self._residency.in_use(engine, model)

    def sweep(self) -> float | None:
        """Unload what has been idle for too long; see `Residency.sweep`."""
        return self._residency.sweep()

    def close(self) -> None:
        """End every worker, whatever it does."""
        self._residency.close()

    # Telling ------------------------------------------------------------------------------------------------------

    def describe(self, engines: tuple[type[Engine], ...]) -> dict[str, dict[str, Any]]:
        """Return what each engine is doing, for status: see the HTTP contract's Machine section for the fields."""
        return {engine.name: self._describe(engine) for engine in engines}

    def describe_slots(self) -> list[dict[str, Any]]:
        """Return every model that has had a worker, by the fields of `describe` and ``engine``."""
        slots = [slot for slot in self._residency.all_slots() if slot.device is not None]
        return [{"engine": slot.engine.name, **describe_slot(slot)} for slot in slots]

    def _describe(self, engine: type[Engine]) -> dict[str, Any]:
        slots = [slot for slot in self._residency.all_slots() if slot.engine.name == engine.name]
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
            return told | {"last_error": error.message, "reason": error.message}
        return told | {
            "model": choice.row.id, "device": choice.device.kind, "dtype": choice.device.dtype,
            "reason": choice.device.reason,
        }  # fmt: skip
