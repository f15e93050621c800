"""Which voices there are, and which one a name means."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from api.voices import find_voice
from inference.errors import UnknownVoice, WeightsMissing
from inference.runtime import Runtime
from inference.voices import Voice, installed
from tests.machinery import make_catalogue, make_row

JOE = Voice("en_US-joe", "Joe", "en", ())
MANY = Voice("en_US-many", "Many", "en", ("p225", "p226"))


def runtime(*voices: Voice) -> Runtime:
    """Return what has these voices."""

    def prepare(engine: str) -> None:
        raise WeightsMissing("run ./scripts/fetch_models")

    return cast(Runtime, SimpleNamespace(voices=lambda: list(voices), prepare=prepare))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("en_US-joe", "en_US-joe"),
        ("Joe", "en_US-joe"),
        ("en_US-many", "en_US-many"),
        ("en_US-many:p226", "en_US-many:p226"),
        ("Many:p225", "en_US-many:p225"),
        ("en_US-many:1", "en_US-many:1"),
        ("alloy", "en_US-joe"),
        ("Nova", "en_US-joe"),
    ],
)
def test_a_name_means_one_voice(name: str, found: str) -> None:
    assert find_voice(runtime(JOE, MANY), name) == found


@pytest.mark.parametrize(
    "name", ["", "joe", "en_US-many:", "en_US-many:2", "en_US-many:p999", "en_US-joe:0", "alloy:1", ":", "x" * 5000]
)
def test_an_unknown_name_is_never_a_silent_default(name: str) -> None:
    with pytest.raises(UnknownVoice, match="en_US-joe, en_US-many") as caught:
        find_voice(runtime(JOE, MANY), name)
    assert caught.value.param == "voice"
    assert len(caught.value.message) < 300


def test_where_there_is_none_the_mend_is_named() -> None:
    with pytest.raises(WeightsMissing, match="fetch_models"):
        find_voice(runtime(), "alloy")


@pytest.mark.parametrize(
    ("config", "speakers"),
    [
        ({"speaker_id_map": {"p226": 1, "p225": 0}}, ("p225", "p226")),
        ({"speaker_id_map": {"alone": 0}}, ()),
        ({"speaker_id_map": {}}, ()),
        ({}, ()),
        (None, ()),
    ],
)
def test_speakers_are_read_from_beside_the_weights(
    tmp_path: Path, config: dict[str, Any] | None, speakers: tuple[str, ...]
) -> None:
    if config is not None:
        (tmp_path / "voice.onnx.json").write_text(json.dumps(config))
    catalogue = make_catalogue(make_row("speaker", tmp_path, "a-voice", language="en"), make_row("parser", tmp_path))
    assert list(installed(catalogue, tmp_path)) == [Voice("a-voice", "Speaker", "en", speakers)]
