"""Why a GPU is out of the question before anything touches it.

Everything that can be known from files is checked here, cheapest first, so that a probe is only started where it can
succeed, and never where it is known to hang the machine. Each obstacle comes with what a person can do about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inference.hardware.device import Library

if TYPE_CHECKING:
    from inference.hardware.machine import Machine

SETUP = "./scripts/setup"
DOCS = "docs/strix-halo.md"


@dataclass(frozen=True)
class Obstacle:
    """`reason` completes "the GPU is not used: ..."; `mend` is a sentence with the command, empty when there is none.

    `harmless` marks what is no fault of the machine: nobody needs to be told to mend it.
    """

    reason: str
    mend: str = ""
    harmless: bool = False


def find_obstacle(machine: Machine, library: Library, *, ask: bool) -> Obstacle | None:
    """The first obstacle for `library`, or None. With `ask`, torch may be asked for its targets in a child process."""
    if library == "onnxruntime":
        # The ROCm provider is gone since 1.23 and MIGraphX compiles for each new shape, 22 to 67 s a time.
        return Obstacle("onnxruntime runs on the CPU only here, where it is fast enough", harmless=True)
    if machine.vendor is None:
        return _no_gpu(machine)
    return (
        _missing_library(machine, library)
        or (_closed_device(machine) if machine.vendor == "amd" else None)
        or _hidden(machine)
        or (_bad_kernel(machine) if machine.vendor == "amd" else None)
        or (_no_code(machine, ask) if machine.vendor == "amd" and library == "torch" else None)
    )


def _no_gpu(machine: Machine) -> Obstacle:
    topology = machine.topology
    if topology.bare_cards:
        cards = ", ".join(topology.bare_cards)
        return Obstacle(
            f"an AMD GPU is there ({cards}), but {topology.silence}",
            "The amdgpu driver must offer compute (KFD): use your distribution's own kernel, and look at: "
            "sudo dmesg | grep -i -e amdgpu -e kfd",
        )
    if topology.silence and "may not be read" in topology.silence:
        return Obstacle(
            topology.silence,
            f"Give the container the devices: --device /dev/kfd --device /dev/dri, see {DOCS}",
        )
    return Obstacle(topology.silence or "no GPU found", harmless=True)


def _missing_library(machine: Machine, library: Library) -> Obstacle | None:
    if library != "torch":
        if machine.tools.library_version(library) is None:
            return Obstacle(f"{library} is not installed", f"Run {SETUP}")
        return None
    build = machine.torch
    if build is None:
        return Obstacle("torch is not installed", f"Run {SETUP}")
    if build.vendor == machine.vendor:
        return None
    gpu = machine.gpu()
    if machine.vendor == "nvidia":
        return Obstacle(
            f"{machine.topology.nvidia[0]} needs a torch built for CUDA, and this is {build.sentence}",
            f"Install one: TAWNY_TORCH=cuda {SETUP}",
        )
    return Obstacle(
        f"the GPU ({gpu.name if gpu else 'AMD'}) needs a torch built for ROCm, and this is {build.sentence}",
        f"Install one: TAWNY_TORCH=rocm {SETUP}",
    )


def _closed_device(machine: Machine) -> Obstacle | None:
    gpu = machine.gpu()
    wanted = ["/dev/kfd"] + ([f"/dev/dri/renderD{gpu.render_minor}"] if gpu and gpu.render_minor is not None else [])
    for access in machine.topology.access:
        if access.path not in wanted or access.usable:
            continue
        if machine.topology.in_container:
            numbers = f" --group-add {access.group}" if access.group is not None else " --group-add <its number>"
            mend = (
                f"Start the container with --device /dev/kfd --device /dev/dri{numbers}; the numbers are the host's: "
                "stat -c %g /dev/kfd /dev/dri/renderD*"
            )
        elif access.exists and access.group == 0 and access.group_name in (None, "root"):
            # Nobody should join root's group for this: the rules that hand the device over are what is missing.
            mend = f"Let the group render have it until the next boot: sudo chgrp render {access.path}; see {DOCS}"
        elif access.exists:
            group = access.group_name or access.group
            mend = f"sudo usermod -aG {group} $USER, then log out and in again"
        else:
            mend = "sudo modprobe amdgpu; and look at: sudo dmesg | grep -i -e amdgpu -e kfd"
        return Obstacle(access.reason, mend)
    return None


def _hidden(machine: Machine) -> Obstacle | None:
    hidden = machine.visibility.hidden
    return Obstacle(f"{hidden} hides every GPU", "Take that variable out of the environment") if hidden else None


def _bad_kernel(machine: Machine) -> Obstacle | None:
    check = machine.kernel_check()
    if check is None or check.level != "bad":
        return None
    if machine.environment.get("TAWNY_KERNEL_CHECK", "").lower() in ("off", "0", "false", "no"):
        return None
    return Obstacle(check.sentence, f"{check.mend}. To try it all the same: TAWNY_KERNEL_CHECK=off")


def _no_code(machine: Machine, ask: bool) -> Obstacle | None:
    gpu = machine.gpu(ask=ask)
    if gpu is not None and gpu.target is None:
        return Obstacle(f"the kernel names no target for the GPU at KFD node {gpu.node}", "Update the kernel")
    decided = machine.override(ask=ask)
    if decided is None or not decided.refused:
        return None
    return Obstacle(
        decided.sentence,
        f"Install a torch that has it: TAWNY_TORCH=rocm {SETUP}; which builds have what stands in {DOCS}",
    )
