"""Pairs of kernel and ROCm that are known to be bad on Strix Halo.

AMD's table for RDNA 3.5 (rocm.docs.amd.com, reference/system-optimization/rdna3-5) splits kernels by two KFD fixes:
with them ROCm 7.2, 7.11 and 7.12 work, 6.4, 7.1, 7.9 and 7.10 do not (7.1 dies at the first allocation while torch
says that a GPU is available, pytorch#173367). Without them 7.2.0 is unsupported and the others are unstable. A kernel
has the fixes when the GPU's KFD node names `cwsr_size` and `ctl_stack_size`, which is better evidence than a version
number, as distributions backport.

A refused pair is refused before anything touches the GPU: the wrong pair can hang or reset it. Pure functions only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from inference.hardware import gfx

Level = Literal["good", "unknown", "unstable", "bad"]

NEEDED = "6.18.4 or later (Ubuntu 24.04: HWE 6.17.0-19.19~24.04.2 or OEM 6.14.0-1018, or later)"
_UPDATE = f"Update the kernel to {NEEDED}, on Ubuntu 24.04: sudo apt install linux-oem-24.04 && sudo reboot"
_UNSHADOW = (
    "This kernel should have the fixes: another amdgpu hides its own. Try: sudo apt remove amdgpu-dkms && sudo reboot"
)
_CHANGE = "Install torch for ROCm 7.2 or later: TAWNY_TORCH=rocm ./scripts/setup, see docs/strix-halo.md"


@dataclass(frozen=True)
class KernelCheck:
    """`level` "bad" refuses the GPU; `mend` is what to do about it, empty when nothing is to be done."""

    level: Level
    sentence: str
    mend: str = ""


def parse_rocm(text: str | None) -> tuple[int, ...] | None:
    """ "7.2.0" or "7.2.53211-abc" -> its leading numbers, three at most; None without a major and a minor."""
    match = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", text or "")
    return None if match is None else tuple(int(part) for part in match.groups() if part is not None)


def looks_fixed(release: str) -> bool | None:
    """Whether a kernel of this release should have the fixes: True, False, or None for unknown."""
    match = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?(?:-(\d+))?", release)
    if match is None:
        return None
    version = (int(match[1]), int(match[2]), int(match[3] or 0))
    build = int(match[4] or 0)
    if release.endswith("-oem") and version[:2] == (6, 14):
        return build >= 1018
    if release.endswith("-generic") and version[:2] == (6, 17):
        return build >= 19
    return version >= (6, 18, 4)


def check_kernel(target: str | None, fixed: bool, release: str | None, rocm: tuple[int, ...] | None) -> KernelCheck:
    """Judge one pair. `fixed` is what the KFD node says, `rocm` the numbers of the ROCm that torch was built with."""
    name = release or "of unknown version"
    if target not in gfx.RDNA35:
        return KernelCheck("good", f"kernel {name}: no demands are known for {target}")
    if rocm is None:
        if fixed:
            return KernelCheck("unknown", f"kernel {name} has the KFD fixes for RDNA 3.5; torch names no ROCm version")
        # Without the fixes AMD lists no pair as stable.
        mend = _UNSHADOW if looks_fixed(name) else _UPDATE
        sentence = (
            f"kernel {name} lacks the KFD fixes for RDNA 3.5, without which every ROCm is unstable or unsupported"
        )
        return KernelCheck("unstable", sentence, mend)
    version = ".".join(str(part) for part in rocm)
    state = "has" if fixed else "lacks"
    pair = f"ROCm {version} on kernel {name}, which {state} the KFD fixes for RDNA 3.5"
    level = _judge(fixed, rocm)
    if level == "bad" and target != "gfx1151":
        # The table is written for gfx1151; for its siblings it is a warning and the probe decides.
        level = "unstable"
    mend = ""
    if level in ("unstable", "bad"):
        mend = _CHANGE if fixed else _UNSHADOW if looks_fixed(name) else _UPDATE
    words = {
        "good": "is listed as stable",
        "unknown": "is not in AMD's table; the probe decides",
        "unstable": "is unstable according to AMD; the probe decides",
        "bad": "is unsupported according to AMD and known to crash or hang",
    }
    return KernelCheck(level, f"{pair}, {words[level]}", mend)


def _judge(fixed: bool, rocm: tuple[int, ...]) -> Level:
    line = rocm[:2]
    if fixed:
        if line == (6, 4) or line in ((7, 1), (7, 9), (7, 10)):
            return "bad"
        if line == (7, 2) or line >= (7, 11):
            return "good"
        return "unknown"
    # "7.2" without a third number may be 7.2.0: torch's own wheels name only the line.
    if line == (7, 2) and (len(rocm) < 3 or rocm[2] == 0):
        return "bad"
    return "unstable"
