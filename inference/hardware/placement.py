"""Where an engine goes: per engine, from what it can use, what was proved, the operator's wish and the memory there is.

`place` asks the machine, and only for what it needs: an engine that runs on the CPU, or is wished there, never causes
a proof. `choose` is the rule itself, pure, a table of tests. The device comes with one sentence saying why; nothing
falls back silently.

    device = place("inpainter", ("gpu", "cpu"), machine, "auto", 4 << 30)
    device.kind, device.dtype, device.reason
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inference.errors import GpuRequired, OutOfMemory
from inference.hardware.device import Device, Library
from inference.hardware.machine import Machine
from inference.hardware.memory import Budget, in_gib
from inference.hardware.probe import Verdict
from inference.hardware.processor import Processor

__all__ = ["Device", "Offer", "choose", "place"]


@dataclass(frozen=True)
class Offer:
    """What the machine has for one library. `verdict` is None when the GPU is not in question."""

    processor: Processor
    total: int
    """All memory of the system, in bytes; 0 when unknown."""
    gpu_name: str = "the GPU"
    verdict: Verdict | None = None
    gpu_budget: Budget | None = None
    mend: str = "Run ./scripts/doctor to see what to do"


def place(
    engine_name: str,
    runs_on: tuple[str, ...],
    machine: Machine,
    wish: str,
    needs_bytes: int,
    *,
    require_gpu: bool = False,
    library: Library = "torch",
    model: Path | None = None,
) -> Device:
    """Decide for one engine. `wish` is auto, gpu or cpu; `needs_bytes` what its model takes, 0 when unknown,
    `model` the folder of that model, with which CTranslate2 is proved.

    Raises `GpuRequired` when the GPU is wished or required and cannot be had, `OutOfMemory` when the model exceeds
    all the memory there is. May run the proof of `library`, up to two minutes, the first time that a GPU is in
    question.
    """
    offer = Offer(machine.processor, machine.memory.total)
    if "gpu" in runs_on and wish != "cpu":
        verdict = machine.proof(library, model=model)
        obstacle = machine.obstacle(library) if not verdict.ok else None
        gpu = machine.gpu() if machine.vendor == "amd" else None
        offer = Offer(
            processor=machine.processor,
            total=machine.memory.total,
            gpu_name=gpu.name if gpu else verdict.device or "the GPU",
            verdict=verdict,
            gpu_budget=machine.budget("gpu") if verdict.ok else None,
            mend=obstacle.mend if obstacle and obstacle.mend else Offer.mend,
        )
    return choose(engine_name, runs_on, wish, needs_bytes, offer, require_gpu=require_gpu, library=library)


def choose(
    engine_name: str,
    runs_on: tuple[str, ...],
    wish: str,
    needs_bytes: int,
    offer: Offer,
    *,
    require_gpu: bool = False,
    library: Library = "torch",
) -> Device:
    """The rule. See `place`."""
    if "gpu" not in runs_on:
        # Not a fallback: there is no GPU form of this engine that anybody could insist on.
        return _on_cpu(engine_name, needs_bytes, offer, library, "it has no GPU form")
    if wish == "cpu":
        why = "the operator wishes it there"
    elif offer.verdict is None or not offer.verdict.ok:
        why = offer.verdict.reason if offer.verdict else "no GPU was looked for"
    elif offer.gpu_budget is not None and needs_bytes > offer.gpu_budget.bytes:
        why = f"it needs {in_gib(needs_bytes)}, and {offer.gpu_name} can give no more than {offer.gpu_budget.sentence}"
    else:
        verdict = offer.verdict
        why = f"{offer.gpu_name}, proved: {verdict.reason}"
        return Device("gpu", "cuda", "bfloat16" if verdict.bfloat16 else "float32", why)
    if wish == "gpu" or require_gpu or "cpu" not in runs_on:
        demand = "must" if require_gpu or "cpu" not in runs_on else "is set to"
        hint = "Allow it with TAWNY_DEVICE=auto" if wish == "cpu" else offer.mend
        raise GpuRequired(f"The {engine_name} {demand} run on the GPU and cannot: {why}. {hint}")
    return _on_cpu(engine_name, needs_bytes, offer, library, why)


def _on_cpu(engine_name: str, needs_bytes: int, offer: Offer, library: Library, why: str) -> Device:
    if offer.total and needs_bytes > offer.total:
        raise OutOfMemory(
            f"The {engine_name}'s model needs {in_gib(needs_bytes)} and this machine has {in_gib(offer.total)} in all. "
            f"Choose a smaller one with TAWNY_{engine_name.upper()}"
        )
    if library != "torch":
        return Device("cpu", "cpu", "float32", why)
    return Device("cpu", "cpu", offer.processor.dtype, f"{why}; {offer.processor.sentence}")
