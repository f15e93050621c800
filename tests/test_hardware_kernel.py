"""Pairs of kernel and ROCm: AMD's table for RDNA 3.5, every cell a test."""

from __future__ import annotations

import pytest

from inference.hardware.kernel import Level, check_kernel, looks_fixed, parse_rocm

NEW, OLD = "6.18.9-200.fc43.x86_64", "6.11.0-29-generic"


@pytest.mark.parametrize(
    ("rocm", "fixed", "unfixed"),
    [
        ("6.4.3", "bad", "unstable"),
        ("7.0.2", "unknown", "unstable"),
        ("7.1.1", "bad", "unstable"),
        ("7.2.0", "good", "bad"),
        ("7.2", "good", "bad"),
        ("7.2.1", "good", "unstable"),
        ("7.9.0", "bad", "unstable"),
        ("7.10.0", "bad", "unstable"),
        ("7.11.0", "good", "unstable"),
        ("7.12.0", "good", "unstable"),
        ("10.0.0", "good", "unstable"),
    ],
)
def test_strix_halo(rocm: str, fixed: Level, unfixed: Level) -> None:
    on_new = check_kernel("gfx1151", True, NEW, parse_rocm(rocm))
    on_old = check_kernel("gfx1151", False, OLD, parse_rocm(rocm))
    assert (on_new.level, on_old.level) == (fixed, unfixed)
    for check, release in ((on_new, NEW), (on_old, OLD)):
        assert release in check.sentence
        assert bool(check.mend) == (check.level in ("bad", "unstable"))


def test_the_mend_fits_the_fault() -> None:
    assert "docs/strix-halo.md" in check_kernel("gfx1151", True, NEW, (7, 1)).mend
    assert "6.18.4 or later" in check_kernel("gfx1151", False, OLD, (7, 2, 0)).mend
    # A kernel that should have the fixes and does not show them has somebody else's driver in it.
    assert "amdgpu-dkms" in check_kernel("gfx1151", False, NEW, (7, 2, 0)).mend


def test_siblings_are_warned_and_not_refused() -> None:
    assert check_kernel("gfx1150", True, NEW, (7, 1, 0)).level == "unstable"
    assert check_kernel("gfx1152", False, OLD, (7, 2, 0)).level == "unstable"


def test_other_targets_have_no_demands() -> None:
    assert check_kernel("gfx1100", False, OLD, (6, 4, 0)).level == "good"


def test_an_unknown_rocm_is_said_to_be_unknown() -> None:
    assert check_kernel("gfx1151", True, NEW, None).level == "unknown"
    # No ROCm is stable on a kernel without the fixes, so that much can be said.
    alone = check_kernel("gfx1151", False, OLD, None)
    assert alone.level == "unstable"
    assert "6.18.4 or later" in alone.mend


@pytest.mark.parametrize(
    ("release", "fixed"),
    [
        ("6.18.4", True),
        ("6.18.3-arch1-1", False),
        ("7.0.0-29-generic", True),
        ("6.17.0-19-generic", True),
        ("6.17.0-18-generic", False),
        ("6.14.0-1018-oem", True),
        ("6.14.0-1017-oem", False),
        ("6.14.0-37-generic", False),
        ("6.17.9-200.fc42.x86_64", False),
        ("unknown", None),
    ],
)
def test_releases(release: str, fixed: bool | None) -> None:
    assert looks_fixed(release) is fixed


@pytest.mark.parametrize(
    ("text", "version"),
    [("7.2.0", (7, 2, 0)), ("7.2", (7, 2)), ("7.2.53211-e1a6bc5663", (7, 2, 53211)), ("", None), (None, None)],
)
def test_rocm_versions(text: str | None, version: tuple[int, ...] | None) -> None:
    assert parse_rocm(text) == version
