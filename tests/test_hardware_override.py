"""The policy for HSA_OVERRIDE_GFX_VERSION: a table, every row a test."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from inference.hardware.gfx import name_of, parse_version
from inference.hardware.override import NEAREST, PLAIN, decide, stand_idle

HALO = {1: "gfx1151"}
NEW = ("gfx1100", "gfx1151")
OLD = ("gfx1030", "gfx1100")


@dataclass(frozen=True)
class Row:
    name: str
    gpus: dict[int, str]
    built: tuple[str, ...] | None
    environment: dict[str, str]
    set: dict[str, str] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    in_force: str | None = None
    says: str = ""
    warns: str = ""
    refused: bool = False
    keep: bool = False


TABLE = [
    # The build has the physical target.
    Row("nothing set", HALO, NEW, {}, says="no override: torch was built for gfx1151"),
    Row("its own version", HALO, NEW, {PLAIN: "11.5.1"}, says="it changes nothing"),
    Row("spoof", HALO, NEW, {PLAIN: "11.0.0"}, unset=(PLAIN,), says="passes it off as gfx1100", warns="leftover"),
    Row(
        "numbered spoof",
        HALO,
        NEW,
        {f"{PLAIN}_1": "11.0.0"},
        unset=(f"{PLAIN}_1",),
        says=f"{PLAIN}_1=11.0.0",
        warns="leftover",
    ),
    Row(
        "both forms",
        HALO,
        NEW,
        {PLAIN: "10.3.0", f"{PLAIN}_1": "11.0.0"},
        unset=(f"{PLAIN}_1", PLAIN),
        says=f"{PLAIN}_1=11.0.0",
        warns="leftover",
    ),
    Row(
        "numbered says the truth",
        HALO,
        NEW,
        {PLAIN: "11.0.0", f"{PLAIN}_1": "11.5.1"},
        says=f"{PLAIN}_1=11.5.1",
    ),
    Row(
        "a spoof that is meant",
        HALO,
        NEW,
        {PLAIN: "11.0.0"},
        keep=True,
        in_force="11.0.0",
        says="operator's",
        warns="may crash",
    ),
    Row("feature flags in the list", {1: "gfx90a"}, ("gfx90a:sramecc+:xnack-",), {}, says="built for gfx90a"),
    # The build lacks it.
    Row(
        "nearest, gfx1151",
        HALO,
        OLD,
        {},
        set={PLAIN: "11.0.0"},
        in_force="11.0.0",
        says="gfx1100 is the nearest",
        warns="garbage",
    ),
    Row("nearest, gfx1150", {1: "gfx1150"}, OLD, {}, set={PLAIN: "11.0.0"}, in_force="11.0.0", warns="garbage"),
    Row("nearest, gfx1152", {1: "gfx1152"}, NEW, {}, set={PLAIN: "11.5.1"}, in_force="11.5.1", warns="garbage"),
    Row("second, gfx1152", {1: "gfx1152"}, OLD, {}, set={PLAIN: "11.0.0"}, in_force="11.0.0", warns="garbage"),
    Row("nearest, gfx1103", {1: "gfx1103"}, OLD, {}, set={PLAIN: "11.0.0"}, in_force="11.0.0", warns="garbage"),
    *[
        Row(
            f"nearest, gfx103{n}", {1: f"gfx103{n}"}, OLD, {}, set={PLAIN: "10.3.0"}, in_force="10.3.0", warns="garbage"
        )
        for n in range(1, 7)
    ],
    Row("no pair in the table", {1: "gfx906"}, OLD, {}, says="no stand-in", refused=True),
    Row("a pair that torch lacks too", HALO, ("gfx942",), {}, says="built for gfx942, not for gfx1151", refused=True),
    Row("a build for nothing", HALO, (), {}, says="no target at all", refused=True),
    Row("the operator's own", HALO, OLD, {PLAIN: "10.3.0"}, in_force="10.3.0", says="operator's", warns="may crash"),
    Row(
        "the operator's numbered",
        HALO,
        OLD,
        {PLAIN: "11.0.0", f"{PLAIN}_1": "10.3.0"},
        in_force="10.3.0",
        says=f"{PLAIN}_1=10.3.0",
        warns="gfx1030",
    ),
    Row("the operator's, lacking too", HALO, OLD, {PLAIN: "9.0.0"}, in_force="9.0.0", warns="gfx900 either"),
    Row("the operator's truth, lacking", HALO, OLD, {PLAIN: "11.5.1"}, says="was not built for it"),
    # Nobody knows what the build has.
    Row("unknown, nothing set", HALO, None, {}, says="not known"),
    Row(
        "unknown, operator's own",
        HALO,
        None,
        {PLAIN: "11.0.0"},
        in_force="11.0.0",
        says="operator's",
        warns="may crash",
    ),
    # Malformed and misplaced values go out whatever else holds.
    *[
        Row(
            f"malformed {value!r}",
            HALO,
            NEW,
            {PLAIN: value},
            unset=(PLAIN,),
            says="built for gfx1151",
            warns="malformed",
        )
        for value in ("", "11.0", "gfx1100", "11.0.0.1", "11.0.0 ", "64.0.0")
    ],
    Row(
        "malformed, then the table",
        HALO,
        OLD,
        {PLAIN: "1100"},
        set={PLAIN: "11.0.0"},
        in_force="11.0.0",
        warns="malformed",
    ),
    Row(
        "malformed number form hides a good plain one",
        HALO,
        OLD,
        {f"{PLAIN}_1": "x", PLAIN: "10.3.0"},
        unset=(f"{PLAIN}_1",),
        in_force="10.3.0",
        says=f"{PLAIN}=10.3.0",
        warns="malformed",
    ),
    Row("of the processor", HALO, NEW, {f"{PLAIN}_0": "11.0.0"}, unset=(f"{PLAIN}_0",), warns="names no GPU"),
    Row("of no node", HALO, NEW, {f"{PLAIN}_7": "11.0.0"}, unset=(f"{PLAIN}_7",), warns="KFD nodes: 1"),
    Row("of a word", HALO, NEW, {f"{PLAIN}_X": "11.0.0"}, unset=(f"{PLAIN}_X",), warns="names no GPU"),
    Row("malformed though meant", HALO, NEW, {PLAIN: "11"}, keep=True, unset=(PLAIN,), warns="malformed"),
    # Several GPUs: only the one that needs it is given another name.
    Row(
        "two GPUs",
        {1: "gfx1151", 2: "gfx1100"},
        OLD,
        {},
        set={f"{PLAIN}_1": "11.0.0"},
        in_force="11.0.0",
        warns="garbage",
    ),
    Row(
        "the other one's override stays",
        {1: "gfx1151", 2: "gfx1036"},
        NEW,
        {f"{PLAIN}_2": "10.3.0"},
        says="no override",
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_table(row: Row) -> None:
    decided = decide(row.gpus, 1, row.built, row.environment, keep=row.keep)
    assert decided.set == row.set
    assert set(decided.unset) == set(row.unset)
    assert decided.in_force == row.in_force
    assert decided.refused == row.refused
    assert row.says in decided.sentence
    assert decided.sentence
    if row.warns:
        assert any(row.warns in warning for warning in decided.warnings)
    else:
        assert decided.warnings == ()


def test_other_variables_are_left_alone() -> None:
    decided = decide(HALO, 1, NEW, {"HSA_ENABLE_SDMA": "0", "HSA_OVERRIDE": "1"})
    assert decided.unset == ()


def test_every_stand_in_is_well_formed_and_is_another_target() -> None:
    for target, versions in NEAREST.items():
        for version in versions:
            parsed = parse_version(version)
            assert parsed is not None
            assert name_of(parsed) != target


@pytest.mark.parametrize(
    ("physical", "value", "named"),
    [
        ("gfx1151", "11.0.0", "passes a gfx1151 off as gfx1100. It changes nothing now (reasons)"),
        ("gfx1151", "banana", "is malformed (not like 11.0.0)"),
        ("gfx1151", "11.5.1", None),
        (None, "11.5.1", "is set. It changes nothing now (reasons)"),
        (None, "", "is malformed"),
    ],
)
def test_where_it_plays_no_part_a_trap_is_named_all_the_same(
    physical: str | None, value: str, named: str | None
) -> None:
    decided = stand_idle("reasons", physical, {PLAIN: value, "HSA_ENABLE_SDMA": "0"})
    assert (decided.set, decided.unset, decided.in_force) == ({}, (), None)
    assert decided.sentence == "no override: reasons"
    assert len(decided.warnings) == (0 if named is None else 1)
    assert named is None or named in decided.warnings[0]
