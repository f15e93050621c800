"""What a person should know about the machine, and what to do about it: one line each, with the command.

Only what is known without starting anything; the doctor asks for the proofs first and then for the findings. An empty
list of "bad" ones means that nothing needs mending, which on a box without a GPU is so too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from inference.hardware import gfx, memory
from inference.hardware.device import Library

if TYPE_CHECKING:
    from inference.hardware.machine import Machine

Level = Literal["good", "note", "warning", "bad"]
_LEVELS: dict[str, Level] = {"good": "good", "unknown": "note", "unstable": "warning", "bad": "bad"}


@dataclass(frozen=True)
class Finding:
    """`mend` is a sentence with a command, empty when there is nothing to do."""

    level: Level
    text: str
    mend: str = ""


def list_findings(machine: Machine) -> list[Finding]:
    """In the order in which a person would look."""
    return [
        *_about_gpus(machine),
        *_about_devices(machine),
        *_about_kernel(machine),
        *_about_override(machine),
        *_about_memory(machine),
        *_about_proof(machine),
    ]


def _about_gpus(machine: Machine) -> list[Finding]:
    topology = machine.topology
    found = []
    chosen = machine.gpu()
    for gpu in topology.gpus:
        units = gpu.simd_count // 2 if gpu.target and gpu.target.startswith("gfx1") else gpu.simd_count // 4
        used = "" if len(topology.gpus) == 1 else ", used" if gpu is chosen else ", not used"
        found.append(Finding("good", f"{gpu.name}: {units} compute units, KFD node {gpu.node}{used}"))
    found += [Finding("good", f"NVIDIA: {name}") for name in topology.nvidia]
    if not found:
        obstacle = machine.obstacle("torch", ask=False)
        reason = obstacle.reason if obstacle else topology.silence or "no GPU found"
        level: Level = "note" if obstacle is None or obstacle.harmless else "bad"
        found.append(Finding(level, reason, obstacle.mend if obstacle else ""))
    return found


def _about_devices(machine: Machine) -> list[Finding]:
    return [Finding("good", access.reason) for access in machine.topology.access if access.usable]


def _about_kernel(machine: Machine) -> list[Finding]:
    found = []
    check = machine.kernel_check()
    obstacle = machine.obstacle("torch", ask=False)
    if check is not None and obstacle is not None and obstacle.reason == check.sentence:
        check = None  # told with the proof, as the reason why there is none
    if check is not None:
        found.append(Finding(_LEVELS[check.level], check.sentence, check.mend))
    if machine.topology.dkms_version and any(gpu.target in gfx.RDNA35 for gpu in machine.topology.gpus):
        found.append(
            Finding(
                "warning",
                f"amdgpu {machine.topology.dkms_version} is not the kernel's own (DKMS), which RDNA 3.5 needs",
                "sudo apt remove amdgpu-dkms && sudo reboot",
            )
        )
    return found


def _about_override(machine: Machine) -> list[Finding]:
    decided = machine.override(ask=False)
    if decided is None:
        return [Finding("warning", warning) for warning in machine.told_override().warnings]
    # Without the build's list of targets the sentence would be a guess; the warnings hold all the same.
    known = machine.targets(ask=False) is not None
    told = [Finding("good" if not decided.refused else "bad", f"HSA override: {decided.sentence}")] if known else []
    return told + [Finding("warning", warning) for warning in decided.warnings]


def _about_memory(machine: Machine) -> list[Finding]:
    gpu = machine.gpu()
    if gpu is None or not gpu.integrated or gpu.vram_bytes is None or gpu.gtt_bytes is None:
        return []
    whole = machine.memory.total + gpu.vram_bytes
    text = (
        f"memory: {memory.in_gib(machine.memory.total)} for the system, {memory.in_gib(gpu.vram_bytes)} carved out for "
        f"the GPU, which may take {memory.in_gib(gpu.gtt_bytes)} of the system's (GTT)"
    )
    if not memory.backed_by_system(gpu):
        if gpu.vram_bytes * 2 > whole:
            hint = "If the system runs short: set the carve-out (UMA frame buffer) to 512 MB in the firmware, raise GTT"
            return [Finding("note", text, f"{hint}, see docs/strix-halo.md")]
        return [Finding("good", text)]
    keep = min(memory.GIB * 16, whole // 4)
    wanted = (machine.memory.total - keep) // memory.GIB
    if wanted < 8 or gpu.gtt_bytes >= machine.memory.total * 6 // 10:
        return [Finding("good", text)]
    pages = wanted * 262144
    mend = f"To give it {wanted} GiB: add ttm.pages_limit={pages} to the kernel's command line, see docs/strix-halo.md"
    return [Finding("note", text, mend)]


def _about_proof(machine: Machine) -> list[Finding]:
    if machine.vendor is None:
        return []
    found = []
    libraries: tuple[Library, ...] = ("torch", "ctranslate2")
    shared = {machine.obstacle(library, ask=False) for library in libraries}
    if len(shared) == 1 and (obstacle := shared.pop()) is not None:
        return [Finding("bad", f"{' and '.join(libraries)} do not use the GPU: {obstacle.reason}", obstacle.mend)]
    for library in libraries:
        verdict = machine.known_proof(library)
        obstacle = machine.obstacle(library, ask=False)
        # CTranslate2 on the CPU is what most boxes have, and good: worth a note, not a complaint.
        worst: Level = "bad" if library == "torch" else "note"
        if obstacle is not None:
            found.append(Finding(worst, f"{library} does not use the GPU: {obstacle.reason}", obstacle.mend))
        elif verdict is None:
            # CTranslate2 is proved with a Whisper model, if need be after fetching one.
            mend = "./scripts/doctor" if library == "torch" else "./scripts/fetch_models, then ./scripts/doctor"
            found.append(Finding("note", f"{library} has not been proved on the GPU yet", mend))
        elif verdict.ok:
            found.append(Finding("good", f"{library} on the GPU is proved: {verdict.reason} ({verdict.seconds:.0f} s)"))
        else:
            mend = "" if library != "torch" else "When something has changed: ./scripts/doctor --fresh"
            found.append(Finding(worst, f"{library} does not use the GPU: {verdict.reason}", mend))
    return found
