"""Trees of files that stand for "/" on machines this project has no access to.

They are modelled on published values, not recorded by us: a KFD node of a Ryzen AI Max+ 395 with 80 SIMDs, its
`cwsr_size` and `ctl_stack_size`, two pairs of VRAM and GTT sizes with a small carve-out and one with 64 GiB carved
out; other chips take the same shape with the numbers of the kernel's and LLVM's tables. Keys that the code does not
read are there on purpose.

    root = strix_halo(tmp_path)
    machine = look(root)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inference.hardware.device import Library
from inference.hardware.machine import Machine, Tools, survey
from inference.hardware.probe import Verdict
from inference.hardware.topology import Identity
from inference.hardware.torch_build import TorchBuild

GIB = 1 << 30
FIXED = "6.18.9-200.fc43.x86_64"
OLD = "6.11.0-29-generic"


@dataclass(frozen=True)
class Card:
    """A GPU as KFD and DRM show it."""

    target: int
    device: int
    simds: int
    vram: int
    gtt: int
    fixed: bool = True


STRIX_HALO = Card(110501, 0x1586, 80, 2147483648, 120259084288)
STRIX_HALO_CARVED = Card(110501, 0x1586, 80, 64 * GIB, 33515134976)
STRIX_POINT = Card(110500, 0x150E, 32, 512 << 20, 16 * GIB)
KRACKAN = Card(110502, 0x1114, 16, 512 << 20, 16 * GIB)
PHOENIX = Card(110003, 0x15BF, 24, 1 * GIB, 16 * GIB)
RADEON = Card(110000, 0x744C, 192, 24 * GIB, 32 * GIB)
RAPHAEL = Card(100306, 0x164E, 4, 512 << 20, 16 * GIB)


def write(path: Path, text: str) -> None:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def make_machine(
    root: Path,
    *cards: Card,
    kernel: str = FIXED,
    total: int = 128 * GIB,
    available: int = 120 * GIB,
    flags: str = "sse4_2 avx2 avx512f avx512_bf16",
    dev: bool = True,
) -> Path:
    """A tree with these GPUs at KFD nodes 1, 2, ...; node 0 is the processor's."""
    write(root / "proc/sys/kernel/osrelease", f"{kernel}\n")
    write(root / "proc/sys/kernel/random/boot_id", "6f1ed6a4-0000-4000-8000-000000000001\n")
    write(root / "proc/meminfo", f"MemTotal: {total // 1024} kB\nMemFree: 1 kB\nMemAvailable: {available // 1024} kB\n")
    cpu = "processor\t: {n}\nmodel name\t: AMD RYZEN AI MAX+ 395\nphysical id\t: 0\ncore id\t\t: {c}\nflags\t\t: {f}\n"
    write(root / "proc/cpuinfo", "\n".join(cpu.format(n=n, c=n // 2, f=flags) for n in range(4)))
    # The devices below belong to whoever runs the tests; on a real box that group is called render.
    write(root / "etc/group", f"video:x:77044:\nrender:x:{root.stat().st_gid}:\n")
    if not cards:
        return root
    nodes = root / "sys/class/kfd/kfd/topology/nodes"
    write(nodes / "0/properties", "cpu_cores_count 32\nsimd_count 0\nvendor_id 0\ngfx_target_version 0\n")
    for number, card in enumerate(cards):
        write(nodes / f"{number + 1}/properties", _properties(card, 128 + number))
        device = root / f"sys/class/drm/card{number}/device"
        write(device / "vendor", "0x1002\n")
        write(device / "device", f"0x{card.device:04x}\n")
        write(device / "mem_info_vram_total", f"{card.vram}\n")
        write(device / "mem_info_vram_used", f"{64 << 20}\n")
        write(device / "mem_info_gtt_total", f"{card.gtt}\n")
        write(device / "mem_info_gtt_used", f"{32 << 20}\n")
        write(root / f"sys/class/drm/card{number}-DP-1/status", "disconnected\n")
        (root / f"sys/class/drm/renderD{128 + number}").mkdir(parents=True, exist_ok=True)
        (root / f"sys/class/drm/renderD{128 + number}/device").symlink_to(device)
        if dev:
            add_device(root, f"dev/dri/renderD{128 + number}")
    if dev:
        add_device(root, "dev/kfd")
    return root


def add_device(root: Path, path: str) -> None:
    """A device file, as a plain file that its owner and its group may open."""
    write(root / path, "")
    (root / path).chmod(0o660)


def _properties(card: Card, minor: int) -> str:
    lines = {
        "cpu_cores_count": 0,
        "simd_count": card.simds,
        "mem_banks_count": 1,
        "max_waves_per_simd": 16,
        "simd_per_cu": 2,
        "gfx_target_version": card.target,
        "vendor_id": 4098,
        "device_id": card.device,
        "location_id": 49664,
        "domain": 0,
        "drm_render_minor": minor,
        "local_mem_size": 0,
    }
    if card.fixed:
        lines |= {"cwsr_size": 19185664, "ctl_stack_size": 16384}
    return "".join(f"{key} {value}\n" for key, value in lines.items())


def build(version: str, *, hip: str | None = None, cuda: str | None = None, rocm: str | None = None) -> TorchBuild:
    """An installed torch."""
    return TorchBuild(version, hip, cuda, rocm, stamp=version)


CPU_TORCH = build("2.13.0+cpu")
ROCM_TORCH = build("2.13.0+rocm7.2", hip="7.2.53211-e1a6bc5663", rocm="7.2.4")
CUDA_TORCH = build("2.13.0+cu130", cuda="13.0")
BROAD = ("gfx1030", "gfx1100", "gfx1101", "gfx1150", "gfx1151", "gfx1200", "gfx1201")


@dataclass
class FakeTools:
    """Answers for what a machine asks besides files, and a note of every question that would start a child."""

    torch: TorchBuild | None = ROCM_TORCH
    targets: tuple[str, ...] | None = BROAD
    verdict: Verdict = field(default_factory=lambda: proved())
    versions: Mapping[str, str] = field(default_factory=lambda: {"torch": "2.13.0", "ctranslate2": "4.8.5"})
    asked: list[str] = field(default_factory=list)
    environments: list[dict[str, str]] = field(default_factory=list)

    def ask_targets(self, torch: TorchBuild, state: Path, environment: Mapping[str, str]) -> tuple[str, ...] | None:
        self.asked.append("targets")
        return self.targets

    def run_probe(self, library: Library, environment: Mapping[str, str], model: Path | None) -> Verdict:
        self.asked.append(f"probe of {library}")
        self.environments.append(dict(environment))
        return Verdict(**(self.verdict.as_dict() | {"library": library}))

    def as_tools(self) -> Tools:
        return Tools(lambda: self.torch, self.ask_targets, self.run_probe, self.versions.get)


def proved(*, bfloat16: bool = True, free: int | None = 100 * GIB) -> Verdict:
    """A GPU that passed."""
    return Verdict(
        "torch", True, "proved", "agrees with the CPU", bfloat16, "AMD Radeon Graphics", "gfx1151", free, free
    )


def look(
    root: Path,
    tools: FakeTools | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    allowed: bool = True,
) -> Machine:
    """Survey a tree as a user who is in the right groups, or in none."""
    identity = Identity(54321, (root.stat().st_gid,) if allowed else ())
    tools = tools or FakeTools()
    return survey(root, state=root / "state", environment=environment or {}, identity=identity, tools=tools.as_tools())
