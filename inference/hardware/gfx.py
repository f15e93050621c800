"""Names and numbers of AMD's GPU targets, and a small table of chips.

A target has three spellings: the kernel's number (110501), the compiler's name (gfx1151) and the override's version
(11.5.1). This module turns one into another. It does not read the machine.

    decode_target(110501) == "gfx1151"
    version_of("gfx1151") == "11.5.1"
"""

from __future__ import annotations

import re
from dataclasses import dataclass

AMD = 0x1002
"""PCI vendor number of AMD (4098)."""


@dataclass(frozen=True)
class Chip:
    """A family of GPUs. `integrated` ones share the memory of the processor."""

    name: str
    integrated: bool


# Target -> chip. Sources: LLVM's AMDGPU processor table (llvm.org/docs/AMDGPUUsage.html) and AMD's GPU specification
# pages.
CHIPS: dict[str, Chip] = {
    "gfx1151": Chip("Strix Halo (Radeon 8060S, 8050S, 8040S)", True),
    "gfx1150": Chip("Strix Point (Radeon 890M, 880M)", True),
    "gfx1152": Chip("Krackan Point (Radeon 860M, 840M)", True),
    "gfx1103": Chip("Phoenix or Hawk Point (Radeon 780M, 760M)", True),
    "gfx1036": Chip("Raphael or Granite Ridge (two compute units)", True),
    "gfx1035": Chip("Rembrandt (Radeon 680M, 660M)", True),
    "gfx1033": Chip("Van Gogh", True),
    "gfx90c": Chip("Renoir or Cezanne", True),
    "gfx1201": Chip("Navi 48 (Radeon RX 9070)", False),
    "gfx1200": Chip("Navi 44 (Radeon RX 9060)", False),
    "gfx1102": Chip("Navi 33 (Radeon RX 7600)", False),
    "gfx1101": Chip("Navi 32 (Radeon RX 7800 XT, 7700 XT)", False),
    "gfx1100": Chip("Navi 31 (Radeon RX 7900)", False),
    "gfx1034": Chip("Navi 24 (Radeon RX 6500, 6400)", False),
    "gfx1032": Chip("Navi 23 (Radeon RX 6600)", False),
    "gfx1031": Chip("Navi 22 (Radeon RX 6700)", False),
    "gfx1030": Chip("Navi 21 (Radeon RX 6800, 6900)", False),
    "gfx942": Chip("Instinct MI300", False),
    "gfx90a": Chip("Instinct MI200", False),
}

# PCI device -> target, for a card that the display driver shows and KFD does not.
PCI_TARGETS: dict[int, str] = {
    0x1586: "gfx1151",
    0x150E: "gfx1150",
    0x1114: "gfx1152",
    0x1902: "gfx1152",
    0x15BF: "gfx1103",
    0x15C8: "gfx1103",
    0x1900: "gfx1103",
    0x744C: "gfx1100",
}

# What KFD's generation of chips with kernel demands of their own is called: RDNA 3.5.
RDNA35 = ("gfx1150", "gfx1151", "gfx1152")

_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})", re.ASCII)
_NAME = re.compile(r"gfx(\d{1,2})([0-9a-f])([0-9a-f])")


def decode_target(number: int) -> str | None:
    """KFD's gfx_target_version as a name; None for 0 (a processor's node) and for what cannot be a target."""
    major, minor, stepping = number // 10000, number // 100 % 100, number % 100
    if major == 0 or minor > 15 or stepping > 15:
        return None
    return f"gfx{major}{minor:x}{stepping:x}"


def parse_version(text: str) -> tuple[int, int, int] | None:
    """An override's "major.minor.stepping", with the limits of libhsakmt (63, 255, 255); None when it is malformed."""
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    major, minor, stepping = (int(part) for part in match.groups())
    return (major, minor, stepping) if major <= 63 and minor <= 255 and stepping <= 255 else None


def name_of(version: tuple[int, int, int]) -> str:
    """(11, 5, 1) -> "gfx1151"."""
    major, minor, stepping = version
    return f"gfx{major}{minor:x}{stepping:x}"


def version_of(target: str) -> str | None:
    """ "gfx1151" -> "11.5.1", "gfx90a" -> "9.0.10"; None for a name that is not a single target."""
    match = _NAME.fullmatch(target)
    if match is None:
        return None
    return f"{int(match[1])}.{int(match[2], 16)}.{int(match[3], 16)}"


def plain_target(target: str) -> str:
    """A target without its feature flags: "gfx90a:sramecc+:xnack-" -> "gfx90a"."""
    return target.split(":", 1)[0]


def describe(target: str) -> str:
    """ "gfx1151, Strix Halo (Radeon 8060S, ...)", or the bare target when the chip is not in the table."""
    chip = CHIPS.get(target)
    return f"{target}, {chip.name}" if chip else target
