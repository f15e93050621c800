"""The kernel's own account of the GPUs, and of who may open them.

Read from KFD's topology and from DRM in sysfs, which no environment variable fools (rocminfo and torch report what an
override pretends). Needs no ROCm tools and no root. `root` stands for "/", so that a recorded tree of another machine
can be read.

It does not decide anything: whether a GPU may be used is settled in `machine.py`.

    topology = read_topology(Path("/"))
    topology.gpus[0].target == "gfx1151"
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from inference.hardware import gfx, sysfs
from inference.hardware.sysfs import Unreadable

_KFD_NODES = Path("sys/class/kfd/kfd/topology/nodes")
_DRM = Path("sys/class/drm")


@dataclass(frozen=True)
class Identity:
    """As whom device files would be opened."""

    user: int
    groups: tuple[int, ...]

    @classmethod
    def mine(cls) -> Identity:
        """This process."""
        return cls(os.geteuid(), tuple(sorted({os.getegid(), *os.getgroups()})))


@dataclass(frozen=True)
class Gpu:
    """One GPU node of KFD. Memory in bytes, None where the kernel did not say."""

    node: int
    target: str | None
    pci_vendor: int
    pci_device: int
    simd_count: int
    render_minor: int | None
    has_save_area: bool
    """The node names `cwsr_size` and `ctl_stack_size`: the mark of a kernel with the RDNA 3.5 fixes."""
    vram_bytes: int | None
    vram_used: int | None
    gtt_bytes: int | None
    gtt_used: int | None

    @property
    def integrated(self) -> bool:
        """Whether it shares the processor's memory, as far as the table of chips knows."""
        chip = gfx.CHIPS.get(self.target or "")
        return chip is not None and chip.integrated

    @property
    def name(self) -> str:
        """For a sentence."""
        return gfx.describe(self.target) if self.target else f"unknown target (1002:{self.pci_device:04x})"


@dataclass(frozen=True)
class Access:
    """Whether a device file can be opened for reading and writing."""

    path: str
    exists: bool
    usable: bool
    group: int | None
    group_name: str | None
    reason: str


@dataclass(frozen=True)
class Topology:
    """What was found. `silence` says why `gpus` is empty, when it is."""

    gpus: tuple[Gpu, ...]
    silence: str | None
    bare_cards: tuple[str, ...]
    """PCI ids of AMD cards that the display driver shows and KFD does not."""
    nvidia: tuple[str, ...]
    """Names or device files of NVIDIA cards."""
    access: tuple[Access, ...]
    in_container: bool
    dkms_version: str | None
    """The version of amdgpu, which only a driver built outside the kernel carries."""


def read_topology(root: Path, identity: Identity | None = None) -> Topology:
    """Read everything below `root`. Takes a few milliseconds; raises nothing."""
    gpus, silence = _read_gpus(root)
    nvidia = _find_nvidia(root)
    cards = () if gpus else _find_bare_cards(root)
    renders = [gpu.render_minor for gpu in gpus if gpu.render_minor is not None]
    paths = [Path("dev/kfd"), *(Path("dev/dri") / f"renderD{minor}" for minor in renders)]
    # Device files matter only where there is a GPU to open; a box without one has nothing to complain of.
    access = tuple(check_access(root, path, identity) for path in paths) if gpus or cards else ()
    return Topology(
        gpus=gpus,
        silence=silence,
        bare_cards=cards,
        nvidia=nvidia,
        access=access,
        in_container=any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv")),
        dkms_version=sysfs.read_line(root / "sys/module/amdgpu/version"),
    )


def _read_gpus(root: Path) -> tuple[tuple[Gpu, ...], str | None]:
    folder = root / _KFD_NODES
    nodes = sysfs.list_folder(folder)
    shown = f"/{_KFD_NODES}"
    if isinstance(nodes, Unreadable):
        if nodes.missing:
            return (), "no GPU found (the kernel shows no KFD: /sys/class/kfd is not there)"
        return (), f"no GPU could be looked for ({shown}: {nodes.reason})"
    gpus: list[Gpu] = []
    refused: list[str] = []
    for node in nodes:
        if not node.name.isdigit():
            continue
        properties = sysfs.read_properties(node / "properties")
        if isinstance(properties, Unreadable):
            refused.append(f"{shown}/{node.name}/properties: {properties.reason}")
        elif properties.get("simd_count", 0) > 0 and properties.get("vendor_id") == gfx.AMD:
            gpus.append(_read_gpu(root, int(node.name), properties))
    if gpus:
        return tuple(gpus), None
    if refused:
        return (), f"a GPU may be there, but its description may not be read ({'; '.join(refused)})"
    return (), "no GPU found (no KFD node with compute units under /sys/class/kfd)"


def _read_gpu(root: Path, node: int, properties: dict[str, int]) -> Gpu:
    minor = properties.get("drm_render_minor", 0) or None
    device = properties.get("device_id", 0)
    memory = _find_card(root, minor, device)

    def figure(name: str) -> int | None:
        return None if memory is None else sysfs.read_number(memory / name)

    return Gpu(
        node=node,
        target=gfx.decode_target(properties.get("gfx_target_version", 0)),
        pci_vendor=properties.get("vendor_id", 0),
        pci_device=device,
        simd_count=properties.get("simd_count", 0),
        render_minor=minor,
        has_save_area="cwsr_size" in properties and "ctl_stack_size" in properties,
        vram_bytes=figure("mem_info_vram_total"),
        vram_used=figure("mem_info_vram_used"),
        gtt_bytes=figure("mem_info_gtt_total"),
        gtt_used=figure("mem_info_gtt_used"),
    )


def _cards(root: Path) -> list[Path]:
    entries = sysfs.list_folder(root / _DRM)
    if isinstance(entries, Unreadable):
        return []
    # "card1-DP-2" is a socket of card1, not a card.
    return [entry / "device" for entry in entries if entry.name.startswith("card") and entry.name[4:].isdigit()]


def _find_card(root: Path, minor: int | None, device: int) -> Path | None:
    """The PCI device folder behind a KFD node: by its render node, else by the PCI number."""
    if minor is not None:
        folder = root / _DRM / f"renderD{minor}" / "device"
        if (folder / "mem_info_vram_total").exists():
            return folder
    for card in _cards(root):
        if sysfs.read_number(card / "vendor") == gfx.AMD and sysfs.read_number(card / "device") == device:
            return card
    return None


def _find_bare_cards(root: Path) -> tuple[str, ...]:
    found = []
    for card in _cards(root):
        device = sysfs.read_number(card / "device")
        if sysfs.read_number(card / "vendor") == gfx.AMD and device is not None:
            target = gfx.PCI_TARGETS.get(device)
            found.append(f"1002:{device:04x}" + (f" ({gfx.describe(target)})" if target else ""))
    return tuple(found)


def _find_nvidia(root: Path) -> tuple[str, ...]:
    folders = sysfs.list_folder(root / "proc/driver/nvidia/gpus")
    if not isinstance(folders, Unreadable) and folders:
        names = []
        for folder in folders:
            text = sysfs.read(folder / "information")
            lines = [] if isinstance(text, Unreadable) else text.splitlines()
            model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("Model:")), None)
            names.append(model or f"PCI {folder.name}")
        return tuple(names)
    files = sysfs.list_folder(root / "dev")
    if isinstance(files, Unreadable):
        return ()
    # /dev/nvidiactl and /dev/nvidia-uvm come with the driver, /dev/nvidia0 with a card.
    return tuple(f"/dev/{file.name}" for file in files if file.name.startswith("nvidia") and file.name[6:].isdigit())


def check_access(root: Path, path: Path, identity: Identity | None = None) -> Access:
    """Whether `root / path` can be opened read-write: asked of the kernel on "/", else worked out from its mode."""
    shown = f"/{path}"
    try:
        status = (root / path).stat()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        reason = "is not there" if missing else f"cannot be looked at ({(error.strerror or '').lower()})"
        return Access(shown, not missing, False, None, None, f"{shown} {reason}")
    group = status.st_gid
    name = _group_name(root, group)
    if root == Path("/") and identity is None:
        # access(2) also sees ACLs, which is how a desktop session gets at /dev/dri without any group.
        usable = os.access(root / path, os.R_OK | os.W_OK)
    else:
        usable = _mode_allows(status, identity or Identity.mine())
    label = f"group {group}" + (f" ({name})" if name else "")
    reason = (
        f"{shown} can be opened"
        if usable
        else f"{shown} may not be opened: it belongs to {label}, which this user is not in"
    )
    return Access(shown, True, usable, group, name, reason)


def _mode_allows(status: os.stat_result, identity: Identity) -> bool:
    if identity.user == 0:
        return True
    if identity.user == status.st_uid:
        needed = stat.S_IRUSR | stat.S_IWUSR
    elif status.st_gid in identity.groups:
        needed = stat.S_IRGRP | stat.S_IWGRP
    else:
        needed = stat.S_IROTH | stat.S_IWOTH
    return status.st_mode & needed == needed


def _group_name(root: Path, group: int) -> str | None:
    text = sysfs.read(root / "etc/group")
    if isinstance(text, Unreadable):
        return None
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) >= 3 and fields[2] == str(group):
            return fields[0]
    return None
