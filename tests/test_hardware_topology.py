"""The kernel's account of the GPUs, on trees modelled on published values (see machines.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.hardware import gfx, sysfs
from inference.hardware.topology import Identity, Topology, read_topology
from tests import machines
from tests.machines import GIB, add_device, make_machine, write


def read(root: Path, *, allowed: bool = True) -> Topology:
    return read_topology(root, Identity(54321, (root.stat().st_gid,) if allowed else ()))


@pytest.mark.parametrize(
    ("number", "name", "version"),
    [
        (110501, "gfx1151", "11.5.1"),
        (110500, "gfx1150", "11.5.0"),
        (110502, "gfx1152", "11.5.2"),
        (110003, "gfx1103", "11.0.3"),
        (100306, "gfx1036", "10.3.6"),
        (90010, "gfx90a", "9.0.10"),
        (120001, "gfx1201", "12.0.1"),
    ],
)
def test_targets_in_their_three_spellings(number: int, name: str, version: str) -> None:
    assert gfx.decode_target(number) == name
    assert gfx.version_of(name) == version
    parsed = gfx.parse_version(version)
    assert parsed is not None
    assert gfx.name_of(parsed) == name


@pytest.mark.parametrize("number", [0, 99, 11099, 111601])
def test_what_is_no_target(number: int) -> None:
    assert gfx.decode_target(number) is None


@pytest.mark.parametrize(
    "text", ["", "11.0", "11.0.0.0", "gfx1100", "11.0.0 ", "-1.0.0", "64.0.0", "11.256.0", "11,0,0", "١١.0.0"]
)
def test_malformed_versions(text: str) -> None:
    assert gfx.parse_version(text) is None


@pytest.mark.parametrize(
    ("card", "target", "units"),
    [
        (machines.STRIX_HALO, "gfx1151", 40),
        (machines.STRIX_POINT, "gfx1150", 16),
        (machines.KRACKAN, "gfx1152", 8),
        (machines.PHOENIX, "gfx1103", 12),
    ],
)
def test_an_apu(tmp_path: Path, card: machines.Card, target: str, units: int) -> None:
    topology = read(make_machine(tmp_path, card))
    (gpu,) = topology.gpus
    assert (gpu.node, gpu.target, gpu.simd_count, gpu.render_minor) == (1, target, units * 2, 128)
    assert gpu.integrated
    assert gpu.has_save_area
    assert (gpu.vram_bytes, gpu.gtt_bytes) == (card.vram, card.gtt)
    assert topology.silence is None


def test_a_discrete_radeon_is_not_integrated(tmp_path: Path) -> None:
    (gpu,) = read(make_machine(tmp_path, machines.RADEON)).gpus
    assert (gpu.target, gpu.integrated, gpu.vram_bytes) == ("gfx1100", False, 24 * GIB)


def test_two_gpus_keep_their_own_memory(tmp_path: Path) -> None:
    gpus = read(make_machine(tmp_path, machines.RAPHAEL, machines.RADEON)).gpus
    assert [(gpu.node, gpu.target, gpu.vram_bytes) for gpu in gpus] == [
        (1, "gfx1036", 512 << 20),
        (2, "gfx1100", 24 * GIB),
    ]


def test_nodes_are_read_in_numeric_order(tmp_path: Path) -> None:
    cards = [machines.RADEON] * 11
    assert [gpu.node for gpu in read(make_machine(tmp_path, *cards)).gpus] == list(range(1, 12))


def test_properties_are_read_by_key_and_not_by_place(tmp_path: Path) -> None:
    make_machine(tmp_path, machines.STRIX_HALO)
    path = tmp_path / "sys/class/kfd/kfd/topology/nodes/1/properties"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(["new_key_of_a_new_kernel 7", "no value", *reversed(lines)]))
    (gpu,) = read(tmp_path).gpus
    assert (gpu.target, gpu.simd_count, gpu.has_save_area) == ("gfx1151", 80, True)


def test_memory_is_found_by_pci_number_without_a_render_node(tmp_path: Path) -> None:
    make_machine(tmp_path, machines.STRIX_HALO)
    (tmp_path / "sys/class/drm/renderD128/device").unlink()
    (gpu,) = read(tmp_path).gpus
    assert gpu.gtt_bytes == machines.STRIX_HALO.gtt


def test_an_old_kernel_has_no_save_area_keys(tmp_path: Path) -> None:
    card = machines.Card(110501, 0x1586, 80, 2 * GIB, 60 * GIB, fixed=False)
    (gpu,) = read(make_machine(tmp_path, card, kernel=machines.OLD)).gpus
    assert not gpu.has_save_area


def test_no_gpu_at_all(tmp_path: Path) -> None:
    topology = read(make_machine(tmp_path))
    assert topology.gpus == ()
    assert topology.silence == "no GPU found (the kernel shows no KFD: /sys/class/kfd is not there)"
    assert topology.access == ()


def test_kfd_with_only_a_processor(tmp_path: Path) -> None:
    make_machine(tmp_path)
    write(tmp_path / "sys/class/kfd/kfd/topology/nodes/0/properties", "cpu_cores_count 8\nsimd_count 0\nvendor_id 0\n")
    assert read(tmp_path).silence == "no GPU found (no KFD node with compute units under /sys/class/kfd)"


def test_a_container_that_may_not_read_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_machine(tmp_path, machines.STRIX_HALO)
    plain = Path.read_bytes

    def guarded(path: Path) -> bytes:
        # What the kernel does where the device cgroup forbids the GPU; root in a test may read everything.
        if path.name == "properties" and path.parent.name == "1":
            raise PermissionError(13, "Permission denied")
        return plain(path)

    monkeypatch.setattr(Path, "read_bytes", guarded)
    topology = read(tmp_path)
    assert topology.gpus == ()
    assert topology.silence is not None
    assert "nodes/1/properties: permission denied" in topology.silence


def test_a_card_that_kfd_does_not_show_is_named(tmp_path: Path) -> None:
    make_machine(tmp_path, machines.STRIX_HALO)
    (tmp_path / "sys/class/kfd/kfd/topology/nodes/1/properties").unlink()
    topology = read(tmp_path)
    assert topology.gpus == ()
    assert topology.bare_cards == ("1002:1586 (gfx1151, Strix Halo (Radeon 8060S, 8050S, 8040S))",)


def test_access_by_group(tmp_path: Path) -> None:
    make_machine(tmp_path, machines.STRIX_HALO)
    group = tmp_path.stat().st_gid
    write(tmp_path / "etc/group", f"other:x:77777:\nrender:x:{group}:me\n")
    kfd, render = read(tmp_path).access
    assert (kfd.path, kfd.usable, kfd.group_name) == ("/dev/kfd", True, "render")
    assert (render.path, render.usable) == ("/dev/dri/renderD128", True)
    refused, _ = read(tmp_path, allowed=False).access
    assert not refused.usable
    assert (
        refused.reason == f"/dev/kfd may not be opened: it belongs to group {group} (render), which this user is not in"
    )


def test_a_missing_device_file(tmp_path: Path) -> None:
    kfd, _ = read(make_machine(tmp_path, machines.STRIX_HALO, dev=False)).access
    assert (kfd.exists, kfd.usable, kfd.reason) == (False, False, "/dev/kfd is not there")


def test_world_readable_files_and_root(tmp_path: Path) -> None:
    make_machine(tmp_path, machines.STRIX_HALO)
    assert read_topology(tmp_path, Identity(0, ())).access[0].usable
    (tmp_path / "dev/kfd").chmod(0o666)
    assert read(tmp_path, allowed=False).access[0].usable


def test_nvidia_by_its_driver_and_by_its_device_file(tmp_path: Path) -> None:
    add_device(tmp_path, "dev/nvidiactl")
    assert read(tmp_path).nvidia == ()
    add_device(tmp_path, "dev/nvidia0")
    assert read(tmp_path).nvidia == ("/dev/nvidia0",)
    write(tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA H200\nIRQ: 1\n")
    assert read(tmp_path).nvidia == ("NVIDIA H200",)


def test_a_container_and_a_driver_from_outside_the_kernel(tmp_path: Path) -> None:
    assert not read(make_machine(tmp_path, machines.STRIX_HALO)).in_container
    write(tmp_path / "run/.containerenv", "")
    write(tmp_path / "sys/module/amdgpu/version", "6.16.13\n")
    topology = read(tmp_path)
    assert topology.in_container
    assert topology.dkms_version == "6.16.13"


def test_unreadable_is_an_answer(tmp_path: Path) -> None:
    missing = sysfs.read(tmp_path / "nothing")
    assert isinstance(missing, sysfs.Unreadable)
    assert missing.missing
    folder = sysfs.read(tmp_path)
    assert isinstance(folder, sysfs.Unreadable)
    assert not folder.missing
    write(tmp_path / "odd", "twelve")
    assert sysfs.read_number(tmp_path / "odd") is None
    write(tmp_path / "hex", "0x1586\n")
    assert sysfs.read_number(tmp_path / "hex") == 0x1586
