from __future__ import annotations

import json
from pathlib import Path

import pytest

from inference.catalogue import Catalogue, Row
from inference.errors import Unavailable, WeightsMissing
from inference.settings import Settings
from inference.weights import RECEIPT, find, read_receipt, state, verify
from scripts.supply.seals import seal
from tests.supplies import Supply, model, sha256, wheel_source

CONTENT = b"weights" * 100


@pytest.fixture
def supply(tmp_path: Path) -> Supply:
    return Supply(tmp_path)


@pytest.fixture
def row(supply: Supply) -> Row:
    source = wheel_source(["p==1.0.0"], {"model.bin": (["p/model.bin"], CONTENT)})
    return supply.catalogue(model("voice", source)).row("voice")


@pytest.fixture
def folder(supply: Supply, row: Row) -> Path:
    """The model as a fetch leaves it."""
    folder = supply.store / row.id
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(CONTENT)
    files = {"model.bin": {"bytes": len(CONTENT), "sha256": sha256(CONTENT), "checked": "catalogue"}}
    (folder / RECEIPT).write_text(json.dumps({"id": row.id, "files": files}), encoding="utf-8")
    return folder


def test_a_whole_model_is_found_and_verified(supply: Supply, row: Row, folder: Path) -> None:
    counted: list[int] = []
    assert find(row, supply.store) == folder
    assert verify(row, supply.store, counted.append) == folder
    assert sum(counted) == len(CONTENT)


def test_a_model_that_was_never_fetched_names_its_command(supply: Supply, row: Row) -> None:
    with pytest.raises(WeightsMissing, match=r"\./scripts/fetch_models voice$") as caught:
        find(row, supply.store)
    assert isinstance(caught.value, Unavailable)
    assert state(row, supply.store) == "missing"


@pytest.mark.parametrize("receipt", [None, "", "{", "[]", '{"files": {"model.bin": 3}}', '{"files": []}'])
def test_files_without_a_whole_receipt_are_no_model(
    supply: Supply, row: Row, folder: Path, receipt: str | None
) -> None:
    (folder / RECEIPT).unlink()
    if receipt is not None:
        (folder / RECEIPT).write_text(receipt, encoding="utf-8")
    assert read_receipt(folder) is None
    with pytest.raises(WeightsMissing, match="receipt is missing"):
        find(row, supply.store)


def test_half_a_file_is_noticed_without_hashing(supply: Supply, row: Row, folder: Path) -> None:
    (folder / "model.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsMissing, match=r"model\.bin has 699 bytes instead of 700"):
        find(row, supply.store)
    (folder / "model.bin").unlink()
    with pytest.raises(WeightsMissing, match=r"model\.bin is not there"):
        find(row, supply.store)
    assert state(row, supply.store) == "incomplete"


def test_a_flipped_byte_is_found_by_verify_only_and_named(supply: Supply, row: Row, folder: Path) -> None:
    (folder / "model.bin").write_bytes(b"W" + CONTENT[1:])
    assert find(row, supply.store) == folder
    with pytest.raises(WeightsMissing, match=r"voice/model\.bin has SHA-256 .*--again voice") as caught:
        verify(row, supply.store)
    assert sha256(CONTENT) in caught.value.message


def test_a_model_that_the_catalogue_replaced_is_outdated(supply: Supply, folder: Path) -> None:
    newer = wheel_source(["p==2.0.0"], {"model.bin": (["p/model.bin"], b"newer")})
    row = supply.catalogue(model("voice", newer)).row("voice")
    assert state(row, supply.store) == "outdated"
    with pytest.raises(WeightsMissing, match="other files"):
        find(row, supply.store)


# Models of this repository ------------------------------------------------------------------------------------------


@pytest.fixture
def ours(supply: Supply) -> Path:
    folder = supply.folder / "models" / "ours"
    (folder / "unet").mkdir(parents=True)
    (folder / "unet" / "weights.safetensors").write_bytes(CONTENT)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "README.md").write_text("the card", encoding="utf-8")
    return folder


def ours_row(supply: Supply) -> Row:
    return supply.catalogue(model("ours", {"kind": "here", "folder": "models/ours"})).row("ours")


def test_our_own_model_is_not_usable_until_it_is_sealed(supply: Supply, ours: Path) -> None:
    row = ours_row(supply)
    assert state(row, supply.store) == "unsealed"
    with pytest.raises(WeightsMissing, match=r"--seal ours$"):
        find(row, supply.store)


def test_a_sealed_model_is_used_where_it_lies(supply: Supply, ours: Path) -> None:
    sealed = seal(ours_row(supply), supply.folder / "models" / "manifest.toml")
    assert [file.path for file in sealed] == ["config.json", "unet/weights.safetensors"]
    row = ours_row(supply)
    assert row.bytes == len(CONTENT) + 2
    assert find(row, supply.store) == verify(row, supply.store) == ours
    (ours / "README.md").write_text("another card", encoding="utf-8")
    assert verify(row, supply.store) == ours


def test_a_sealed_model_that_changed_is_refused(supply: Supply, ours: Path) -> None:
    seal(ours_row(supply), supply.folder / "models" / "manifest.toml")
    row = ours_row(supply)
    (ours / "unet" / "weights.safetensors").write_bytes(b"W" + CONTENT[1:])
    with pytest.raises(WeightsMissing, match=r"weights\.safetensors has SHA-256"):
        verify(row, supply.store)
    (ours / "config.json").unlink()
    with pytest.raises(WeightsMissing, match=r"config\.json is not there.*git checkout"):
        find(row, supply.store)


@pytest.mark.models
def test_the_fetched_starter_models_are_found() -> None:
    settings = Settings()
    for row in Catalogue.load(settings.manifest).starter():
        if row.here is None:
            assert find(row, settings.models).is_dir()
