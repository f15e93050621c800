"""Which model of the catalogue a request gets, and on which device: decided before anything is loaded.

It reads the slots' history (what failed to load, what left the GPU) and starts nothing but, once, the proof of a GPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inference.catalogue import Catalogue, Row
from inference.engine import Engine, Weights
from inference.errors import (
    EngineNotInstalled,
    GpuRequired,
    OutOfMemory,
    TawnyError,
    UnknownModel,
    WeightsMissing,
)
from inference.hardware.device import Device
from inference.hardware.machine import Machine
from inference.hardware.placement import place
from inference.settings import Settings
from inference.slots import Slot
from inference.weights import find


@dataclass(frozen=True, slots=True)
class Choice:
    """What a request will run on: a model that is there, and where it goes."""

    row: Row
    weights: Weights
    device: Device


class Chooser:
    """Chooses from ``catalogue`` for ``machine``, by the operator's ``settings`` and the history in ``slots``."""

    def __init__(
        self,
        machine: Machine,
        catalogue: Catalogue,
        settings: Settings,
        slots: Mapping[tuple[str, str], Slot],
    ) -> None:
        self._machine = machine
        self._catalogue = catalogue
        self._settings = settings
        self._slots = slots

    def choices(self, engine: type[Engine], model: str | None, *, require_gpu: bool) -> list[Choice]:
        """Return what may be tried for a request, best first; at least one. Loads nothing.

        ``model`` is an id of the catalogue; None, or an alias that means the engine's default, is the preference list
        without what has not been fetched. Raises `UnknownModel`, `WeightsMissing`, `EngineNotInstalled`,
        `GpuRequired`, `OutOfMemory`: all that can be refused before any work.
        """
        if missing := engine.missing():
            raise EngineNotInstalled(
                f"The {engine.name} needs the Python package {missing[0]}, which is not installed. Run ./scripts/setup"
            )
        found: list[Choice] = []
        first_error: TawnyError | None = None
        for row in self._candidates(engine, model):
            try:
                weights = self._weights(row)
                found.append(Choice(row, weights, self._device(engine, weights, row, require_gpu=require_gpu)))
            except WeightsMissing as error:
                # Of several that could be fetched the first is named; what else the caller can do, too.
                param, instead = engine.instead or (error.param, "")
                first_error = first_error or WeightsMissing(f"{error.message}. {instead}".rstrip(". "), param=param)
            except OutOfMemory as error:
                first_error = first_error or error
        if not found:
            raise first_error or WeightsMissing(
                f"The catalogue names no model for the {engine.name}. Look at models/manifest.toml"
            )
        # One that failed to load goes to the end of the line: tried again only where nothing else is left.
        found.sort(key=lambda choice: self._failed_loads(engine, choice.row))
        return found

    def _failed_loads(self, engine: type[Engine], row: Row) -> int:
        slot = self._slots.get((engine.name, row.id))
        return 0 if slot is None else slot.failed_loads

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
        path = find(row, store)  # first: what is missing is best named by the model that a person would fetch
        base = None if row.base is None else find(self._catalogue.row(row.base), store)
        parts = {part: find(self._catalogue.row(name), store) for part, name in row.parts.items()}
        return Weights(id=row.id, path=path, base=base, parts=parts, options=dict(row.options))

    def _device(self, engine: type[Engine], weights: Weights, row: Row, *, require_gpu: bool) -> Device:
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
            model=weights.path,
        )
