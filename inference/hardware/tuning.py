"""Environment variables that make Strix Halo (gfx1151) faster or keep it correct, each with its reason.

They are set for workers on that target only, never in the gateway and never for the CPU. Each is a setting: a
variable that the operator has set keeps the operator's value, and TAWNY_TUNING=off leaves all of them alone. Sources
are named per row; none of the figures was measured by this project, which has not run on AMD hardware yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tuning:
    """One variable. `{state}` in the value stands for the state folder."""

    name: str
    value: str
    reason: str


TARGET = "gfx1151"

TUNINGS: tuple[Tuning, ...] = (
    Tuning(
        "TORCH_ROCM_AOTRITON_ENABLE_EXPERIMENTAL",
        "1",
        "fused attention counts as experimental on this target; without it torch takes the slow path that stores the "
        "whole attention matrix. Read at the first attention call",
    ),
    Tuning("TORCH_BLAS_PREFER_HIPBLASLT", "1", "hipBLASLt has kernels for this target that rocBLAS lacks"),
    Tuning(
        "MIOPEN_FIND_MODE",
        "FAST",
        "MIOpen otherwise searches for seconds to minutes at every new shape of a tensor",
    ),
    Tuning("MIOPEN_USER_DB_PATH", "{state}/miopen/db", "what MIOpen found out about kernels survives a restart"),
    Tuning("MIOPEN_CUSTOM_CACHE_DIR", "{state}/miopen/cache", "kernels that MIOpen compiled survive a restart"),
)

ALLOCATOR = Tuning(
    "CT2_CUDA_ALLOCATOR",
    "cub_caching",
    "CTranslate2's default allocator crashes or silently loses text on HIP (CTranslate2#2090)",
)
"""For CTranslate2 on any AMD GPU, not on gfx1151 alone."""

WAITING = Tuning(
    "OMP_WAIT_POLICY",
    "PASSIVE",
    "OpenMP's threads otherwise spin while they wait: two busy engines on one core then slow each other down many "
    "times over. Measured on two cores beside a third busy process: loading the parser and twelve plans took 68 s, and "
    "had not ended after 600 s with spinning",
)
"""For every worker, on any device."""


def tune(target: str | None, state: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """What to add to the environment of a worker on a GPU of this target; {} for other targets."""
    if target != TARGET or environment.get("TAWNY_TUNING", "").lower() in ("off", "0", "false", "no"):
        return {}
    return {row.name: row.value.format(state=state) for row in TUNINGS if row.name not in environment}


def switch_miopen(environment: Mapping[str, str]) -> bool:
    """Turn MIOpen off in this process when TAWNY_MIOPEN=off says so; return whether it is on. For torch workers.

    Without MIOpen torch computes convolutions itself. Others found that faster on RDNA 3 and later whenever shapes
    change (Kokoro-FastAPI#518: 268 ms instead of 2433 on a new text); it is off only by request, until a bench on the
    GPU says so.
    """
    if environment.get("TAWNY_MIOPEN", "").lower() not in ("off", "0", "false", "no"):
        return True
    import torch

    # torch calls MIOpen by the name of its NVIDIA counterpart.
    torch.backends.cudnn.enabled = False
    return False


def prepare_caches(changes: Mapping[str, str | None]) -> None:
    """Make the folders that the variables name; MIOpen does not make them all itself."""
    for name in ("MIOPEN_USER_DB_PATH", "MIOPEN_CUSTOM_CACHE_DIR"):
        folder = changes.get(name)
        if folder:
            try:
                Path(folder).mkdir(parents=True, exist_ok=True)
            except OSError:
                continue  # MIOpen then caches nothing, which is slow and not wrong.
