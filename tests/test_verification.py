"""Weights are what was fetched, or are not loaded: hashed once per state of a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inference.catalogue import Catalogue, Row
from inference.errors import WeightsMissing
from inference.verification import Verifier
from inference.weights import hash_file
from tests import fakes
from tests.engines import Counter
from tests.machinery import Listener, make_pool


@pytest.fixture
def row(tmp_path: Path) -> Row:
    """A model whose hashes are known."""
    return Catalogue.load(fakes.make_models(tmp_path)).row("small-painter")


def weights_of(row: Row) -> Path:
    """Return its one file."""
    assert row.here is not None
    return row.here.folder / "weights.bin"


def flip_a_byte(path: Path) -> None:
    """Change one bit and neither size nor name."""
    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(data)


def count_hashes(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Note each file that is hashed."""
    hashed: list[Path] = []

    def note(path: Path) -> str:
        hashed.append(path)
        return hash_file(path)

    monkeypatch.setattr("inference.verification.hash_file", note)
    return hashed


def test_a_file_is_hashed_once_and_after_a_restart_not_again(
    tmp_path: Path, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = count_hashes(monkeypatch)
    verifier = Verifier(tmp_path, tmp_path / "state")
    verifier.check(row)
    verifier.check(row)
    Verifier(tmp_path, tmp_path / "state").check(row)
    assert hashed == [weights_of(row)]


def test_a_flipped_byte_is_found_and_its_file_named_until_it_is_mended(
    tmp_path: Path, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = weights_of(row).read_bytes()
    verifier = Verifier(tmp_path, tmp_path / "state")
    verifier.check(row)
    flip_a_byte(weights_of(row))
    hashed = count_hashes(monkeypatch)
    for _ in range(2):
        with pytest.raises(WeightsMissing, match=r"small-painter is damaged: .*weights\.bin has SHA-256") as caught:
            verifier.check(row)
    assert len(hashed) == 1, "what is known to be damaged is not read again either"
    assert "git checkout" in caught.value.message
    weights_of(row).write_bytes(whole)
    verifier.check(row)


def test_a_state_folder_that_cannot_be_written_only_costs_the_hash(tmp_path: Path, row: Row) -> None:
    (tmp_path / "state").write_text("a file, no folder")
    Verifier(tmp_path, tmp_path / "state").check(row)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 3}'])
def test_a_broken_book_is_no_obstacle(tmp_path: Path, row: Row, text: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "verified.json").write_text(text)
    Verifier(tmp_path, tmp_path / "state").check(row)


def test_a_damaged_model_is_not_loaded_and_status_says_why(tmp_path: Path, row: Row) -> None:
    own = Row(**{**{name: getattr(row, name) for name in row.__dataclass_fields__}, "engine": "counter"})
    flip_a_byte(weights_of(row))
    pool = make_pool(tmp_path, own)
    with pytest.raises(WeightsMissing, match="damaged"), pool.lease(Counter, Listener()):
        pass
    told = pool.describe((Counter,))["counter"]
    assert (told["state"], told["pid"], told["starts"]) == ("failed", None, 0)
    assert "weights.bin" in told["last_error"]
    os.utime(weights_of(row))
    flip_a_byte(weights_of(row))
    with pool.lease(Counter, Listener()) as counter:
        assert counter.call(Counter.count, 1) == 1
    pool.close()
