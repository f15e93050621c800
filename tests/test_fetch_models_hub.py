from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inference.catalogue import HubSource, Row
from inference.weights import RECEIPT, state, verify
from scripts.supply import hub as hub_module
from scripts.supply.failures import FetchError, SourceError, WrongHashError
from tests.supplies import COMMIT, FakeHub, Supply, make_wheel, model, sha256, wheel_source

WEIGHTS = bytes(range(256)) * 4000
CONFIG = b'{"size": 512}'

FILES = {
    "owner/painter/model_index.json": CONFIG,
    "owner/painter/unet/config.json": b"{}",
    "owner/painter/unet/weights.fp16.safetensors": WEIGHTS,
    "owner/painter/unet/weights.bin": b"a pickle that nobody asked for",
}
LARGE = {"owner/painter/unet/weights.fp16.safetensors", "owner/painter/unet/weights.bin"}
SOURCE: dict[str, Any] = {
    "kind": "hub",
    "repo": "owner/painter",
    "revision": "main",
    "variant": "fp16",
    "files": ["model_index.json", "unet/*.json", "unet/weights.fp16.safetensors"],
}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with FakeHub(dict(FILES), set(LARGE)) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        yield hub


@pytest.fixture
def supply(tmp_path: Path) -> Supply:
    return Supply(tmp_path)


def row_of(supply: Supply, *sources: dict[str, Any]) -> Row:
    return supply.catalogue(model("painter", *sources, engine="inpainter")).row("painter")


def content_requests(hub: FakeHub) -> list[str | None]:
    return [wanted for name, wanted in hub.asked if name.endswith("fp16.safetensors")]


def test_only_the_named_files_come_under_plain_names_and_verified(hub: FakeHub, supply: Supply) -> None:
    row = row_of(supply, SOURCE)
    folder = supply.fetcher().fetch(row)
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert files == ["model_index.json", RECEIPT, "unet/config.json", "unet/weights.safetensors"]
    assert (folder / "unet" / "weights.safetensors").read_bytes() == WEIGHTS
    receipt = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))
    assert receipt["source"] == f"hub owner/painter at {COMMIT}"
    assert receipt["files"]["unet/weights.safetensors"] == {
        "bytes": len(WEIGHTS),
        "sha256": sha256(WEIGHTS),
        "checked": "hub",
    }
    assert receipt["files"]["model_index.json"]["sha256"] == sha256(CONFIG)
    verify(row, supply.store)


def test_a_pinned_revision_is_taken_by_its_word(hub: FakeHub, supply: Supply) -> None:
    supply.fetcher().fetch(row_of(supply, {**SOURCE, "revision": COMMIT}))
    assert hub.resolved == []


def test_what_is_fetched_again_is_the_commit_that_was_fetched_not_what_main_is_by_now(
    hub: FakeHub, supply: Supply
) -> None:
    row = row_of(supply, SOURCE)
    folder = supply.fetcher().fetch(row)
    assert hub.resolved == ["owner/painter"]
    (folder / "unet" / "weights.safetensors").write_bytes(WEIGHTS[::-1])
    supply.fetcher(again=True).fetch(row)
    assert hub.resolved == ["owner/painter"], "the receipt knows it"
    assert json.loads((folder / RECEIPT).read_text(encoding="utf-8"))["source"] == f"hub owner/painter at {COMMIT}"
    verify(row, supply.store)
    (folder / RECEIPT).write_text("no receipt")
    supply.fetcher(again=True).fetch(row)
    assert hub.resolved == ["owner/painter"] * 2


@pytest.mark.parametrize(
    ("revision", "told", "kept"),
    [
        ("main", f"hub owner/painter at {COMMIT}", COMMIT),
        ("main", f"hub owner/other at {COMMIT}", "main"),
        ("main", "imported, a copy of owner/painter", "main"),
        ("main", "", "main"),
        ("f" * 40, f"hub owner/painter at {COMMIT}", "f" * 40),
    ],
)
def test_only_a_receipt_of_the_same_repository_pins_and_the_catalogue_outweighs_it(
    revision: str, told: str, kept: str
) -> None:
    source = HubSource("owner/painter", revision, ("config.json",))
    assert hub_module.keep_commit(source, told).revision == kept


def test_a_folder_of_a_repository_becomes_the_model(hub: FakeHub, supply: Supply) -> None:
    source = {**SOURCE, "folder": "unet", "files": ["config.json", "weights.fp16.safetensors"]}
    folder = supply.fetcher().fetch(row_of(supply, source))
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", RECEIPT, "weights.safetensors"]


def test_a_cut_connection_is_taken_up_where_it_broke(hub: FakeHub, supply: Supply) -> None:
    row = row_of(supply, {**SOURCE, "files": ["unet/weights.fp16.safetensors"]})
    hub.cuts = [100_000, 300_000]
    supply.fetcher().fetch(row)
    starts = [int(wanted.removeprefix("bytes=").rstrip("-")) for wanted in content_requests(hub) if wanted]
    assert len(content_requests(hub)) == 3
    assert 0 < starts[0] <= 100_000
    assert starts[0] < starts[1] <= 400_000
    verify(row, supply.store)


def test_a_download_that_gave_up_is_resumed_by_the_next_run(hub: FakeHub, supply: Supply) -> None:
    row = row_of(supply, {**SOURCE, "files": ["unet/weights.fp16.safetensors"]})
    hub.cuts = [500_000] + [0] * hub_module.ATTEMPTS
    with pytest.raises(SourceError, match="It is kept"):
        supply.fetcher().fetch(row)
    assert state(row, supply.store) == "missing"
    part = supply.store / ".partial" / "painter" / "parts" / sha256(WEIGHTS)
    there = part.stat().st_size
    assert 0 < there <= 500_000
    hub.asked.clear()
    supply.fetcher().fetch(row)
    assert content_requests(hub) == [f"bytes={there}-"]
    assert f"resuming at {there / 1000:.1f} kB" in supply.said.getvalue()
    verify(row, supply.store)


def test_a_hub_that_ignores_ranges_is_read_from_the_start(hub: FakeHub, supply: Supply) -> None:
    row = row_of(supply, {**SOURCE, "files": ["unet/weights.fp16.safetensors"]})
    hub.ranges, hub.cuts = False, [100_000]
    supply.fetcher().fetch(row)
    verify(row, supply.store)


def test_files_that_were_whole_are_not_asked_for_again(hub: FakeHub, supply: Supply) -> None:
    row = row_of(supply, SOURCE)
    hub.lies = {"owner/painter/unet/weights.fp16.safetensors": WEIGHTS[::-1]}
    with pytest.raises(WrongHashError):
        supply.fetcher().fetch(row)
    hub.lies = {}
    hub.asked.clear()
    supply.fetcher().fetch(row)
    assert [name for name, _ in hub.asked] == ["owner/painter/unet/weights.fp16.safetensors"]


@pytest.mark.parametrize("name", ["model_index.json", "unet/weights.fp16.safetensors"])
def test_content_that_is_not_what_the_hub_states_is_refused(hub: FakeHub, supply: Supply, name: str) -> None:
    true = FILES[f"owner/painter/{name}"]
    hub.lies = {f"owner/painter/{name}": true[:-1] + b"!"}
    row = row_of(supply, SOURCE)
    with pytest.raises(WrongHashError) as caught:
        supply.fetcher().fetch(row)
    assert caught.value.path == name
    assert not (supply.store / "painter").exists()


def test_a_named_file_that_the_hub_lacks_is_said(hub: FakeHub, supply: Supply) -> None:
    with pytest.raises(SourceError, match=r"has no vae/config\.json"):
        supply.fetcher().fetch(row_of(supply, {**SOURCE, "files": ["unet/*.json", "vae/config.json"]}))


def test_a_repository_that_is_gone_leaves_it_to_the_next_source(
    hub: FakeHub, supply: Supply, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = {**SOURCE, "repo": "owner/renamed"}
    with pytest.raises(SourceError, match="did not deliver owner/renamed"):
        supply.fetcher().fetch(row_of(supply, gone))
    make_wheel(supply.index, "painter", {"config.json": CONFIG})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(supply.index))
    wheel = wheel_source(["painter==1.0.0"], {"config.json": (["painter/config.json"], CONFIG)})
    folder = supply.fetcher().fetch(row_of(supply, gone, wheel))
    assert (folder / "config.json").read_bytes() == CONFIG


def test_a_hub_out_of_reach_is_said_in_words(supply: Supply, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeHub() as closed:
        endpoint = closed.endpoint
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(SourceError, match="did not deliver owner/painter"):
        supply.fetcher().fetch(row_of(supply, SOURCE))


def test_offline_asks_no_hub(hub: FakeHub, supply: Supply) -> None:
    with pytest.raises(SourceError, match="--offline"):
        supply.fetcher(offline=True).fetch(row_of(supply, SOURCE))
    assert not hub.asked
    assert not hub.resolved


def test_a_copy_of_the_repository_is_taken_and_said_to_be_unverified(supply: Supply, tmp_path: Path) -> None:
    copy = tmp_path / "usb"
    for name, content in FILES.items():
        path = copy / name.removeprefix("owner/painter/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    row = row_of(supply, SOURCE)
    folder = supply.fetcher(offline=True).take(row, copy)
    receipt = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))
    assert receipt["files"]["unet/weights.safetensors"]["checked"] == "nothing"
    assert "Not verified" in supply.said.getvalue()
    assert "unet/weights.bin" not in receipt["files"]
    verify(row, supply.store)
    (copy / "model_index.json").unlink()
    with pytest.raises(FetchError, match="a copy of owner/painter"):
        supply.fetcher().take(row, copy)
