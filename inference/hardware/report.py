"""The machine as plain values, for `GET /v1/status` and for `scripts/doctor --json`. Starts nothing."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from inference.hardware import gfx, tuning
from inference.hardware.device import Library
from inference.hardware.findings import list_findings

if TYPE_CHECKING:
    from inference.hardware.machine import Machine
    from inference.hardware.topology import Gpu

_PROVED: tuple[Library, ...] = ("torch", "ctranslate2")


def describe_machine(machine: Machine) -> dict[str, Any]:
    """Every fact with its reason; None for what is not known yet. Sizes in bytes."""
    chosen = machine.gpu()
    check = machine.kernel_check()
    decided = machine.told_override()
    proofs = {library: machine.known_proof(library) for library in _PROVED}
    build = machine.torch
    return {
        "kernel": {
            "release": machine.kernel_release,
            "check": asdict(check) if check else None,
            "amdgpu_dkms": machine.topology.dkms_version,
        },
        "processor": asdict(machine.processor) | {"dtype": machine.processor.dtype},
        "memory": {
            "total": machine.memory.total,
            "available": machine.memory.available,
            "container_limit": machine.memory.limit,
            "cpu_budget": asdict(machine.budget("cpu")),
            "gpu_budget": asdict(machine.budget("gpu")) if machine.vendor else None,
        },
        "gpus": [_describe_gpu(gpu, gpu is chosen) for gpu in machine.topology.gpus],
        "no_gpus_because": machine.topology.silence,
        "nvidia": list(machine.topology.nvidia),
        "devices": [asdict(access) for access in machine.topology.access],
        "container": machine.topology.in_container,
        "torch": None if build is None else asdict(build) | {"targets": machine.targets(ask=False)},
        "override": {
            "set": dict(decided.set),
            "unset": list(decided.unset),
            "in_force": decided.in_force,
            "sentence": decided.sentence,
            "warnings": list(decided.warnings),
        },
        "tuning": [
            {"name": row.name, "value": row.value.format(state=machine.state), "reason": row.reason}
            for row in tuning.TUNINGS
            if row.name in tuning.tune(chosen.target if chosen else None, machine.state, machine.environment)
        ],
        "proofs": {name: verdict.as_dict() if verdict else None for name, verdict in proofs.items()},
        "findings": [asdict(finding) for finding in list_findings(machine)],
    }


def _describe_gpu(gpu: Gpu, chosen: bool) -> dict[str, Any]:
    return asdict(gpu) | {
        "name": gpu.name,
        "integrated": gpu.integrated,
        "chosen": chosen,
        "pci": f"{gpu.pci_vendor:04x}:{gpu.pci_device:04x}",
        "version": gfx.version_of(gpu.target) if gpu.target else None,
        "found_in": f"/sys/class/kfd/kfd/topology/nodes/{gpu.node}/properties",
    }
