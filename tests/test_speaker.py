"""The speaking engine on Piper's own library and onnxruntime, with a voice of many that is made here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.engine import Weights
from inference.engines.speaker import Speaker, usual_length
from inference.errors import UnknownVoice
from inference.events import Spoke
from inference.hardware.device import Device
from inference.host import ThreadHost
from inference.voices import _read_speakers
from tests.machinery import Listener, make_pool, make_row

FLOAT, INT64 = 1, 7


def number(value: int) -> bytes:
    """Return a varint."""
    low, high = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + number(high) if high else bytes([low])


def whole(field: int, value: int) -> bytes:
    """Return a number in a field of a protocol buffer."""
    return number(field << 3) + number(value)


def part(field: int, content: bytes | str) -> bytes:
    """Return a message or a text in a field of a protocol buffer."""
    data = content.encode() if isinstance(content, str) else content
    return number(field << 3 | 2) + number(len(data)) + data


def value(name: str, kind: int, *sizes: str | int) -> bytes:
    """Return ONNX's ValueInfoProto."""
    dimensions = b"".join(part(1, part(2, size) if isinstance(size, str) else whole(1, size)) for size in sizes)
    return part(1, name) + part(2, part(1, whole(1, kind) + part(2, dimensions)))


def node(kind: str, inputs: list[str], output: str, to: int | None = None) -> bytes:
    """Return ONNX's NodeProto."""
    cast = b"" if to is None else part(5, part(1, "to") + whole(3, to) + whole(20, 2))
    return b"".join(part(1, name) for name in inputs) + part(2, output) + part(4, kind) + cast


def voice_of_many(folder: Path, wave: str = "Sin", **configuration: Any) -> None:
    """Write a voice with three speakers whose sound is sin(number of the phoneme * number of the speaker)."""
    folder.mkdir(parents=True, exist_ok=True)
    graph = b"".join(
        [
            part(1, node("Cast", ["input"], "ids", FLOAT)),
            part(1, node("Cast", ["sid"], "who", FLOAT)),
            part(1, node("Mul", ["ids", "who"], "angle")),
            part(1, node(wave, ["angle"], "output")),
            part(2, "voice"),
            part(11, value("input", INT64, 1, "n")),
            part(11, value("input_lengths", INT64, 1)),
            part(11, value("scales", FLOAT, 3)),
            part(11, value("sid", INT64, 1)),
            part(12, value("output", FLOAT, 1, "n")),
        ]
    )
    model = whole(1, 8) + part(7, graph) + part(8, part(1, "") + whole(2, 13))
    (folder / "many.onnx").write_bytes(model)
    phonemes = {letter: [index] for index, letter in enumerate("_^$ abcdefghijklmnopqrstuvwxyzəɪʊɛæɑɔːˈˌ")}
    told = {
        "audio": {"sample_rate": 16_000},
        "espeak": {"voice": "en-us"},
        "num_symbols": len(phonemes),
        "num_speakers": 3,
        "phoneme_id_map": phonemes,
        "speaker_id_map": {"anna": 0, "ben": 1, "cleo": 2},
        **configuration,
    }
    (folder / "many.onnx.json").write_text(json.dumps(told))


def engine_of(folder: Path) -> Speaker:
    """Return the engine with the voice loaded as a worker loads it."""
    engine = Speaker()
    engine.load(Weights("many", folder), Device("cpu", "cpu", "float32", "a test"))
    return engine


def speak(engine: Speaker, speaker: str | None) -> list[int]:
    """Return the samples of a short sentence."""
    spoken = [event for event in engine.speak("No.", speaker=speaker) if isinstance(event, Spoke)]
    assert [event.rate for event in spoken] == [16_000]
    return [int(sample) for sample in np.frombuffer(spoken[0].samples, "<i2")]


def expected(engine: Speaker, speaker: int) -> list[int]:
    """Return the samples that the voice makes of it."""
    voice = engine._voice
    ids = np.array(voice.phonemes_to_ids(voice.phonemize("No.")[0]), np.float32)
    samples = np.sin(ids * np.float32(speaker))
    return [int(sample) for sample in samples * 32_767]


@pytest.mark.parametrize(("speaker", "chosen"), [("anna", 0), ("ben", 1), ("cleo", 2), ("2", 2), (None, 0)])
def test_the_speaker_that_was_asked_for_speaks(tmp_path: Path, speaker: str | None, chosen: int) -> None:
    voice_of_many(tmp_path)
    engine = engine_of(tmp_path)
    assert speak(engine, speaker) == pytest.approx(expected(engine, chosen), abs=2)


def test_without_one_it_is_the_speaker_whom_the_voices_makers_chose(tmp_path: Path) -> None:
    voice_of_many(tmp_path, default_speaker_id=2)
    engine = engine_of(tmp_path)
    assert speak(engine, None) == pytest.approx(expected(engine, 2), abs=2)


@pytest.mark.parametrize("speaker", ["3", "nobody", "Anna", "-1"])
def test_a_speaker_who_is_not_there_is_refused(tmp_path: Path, speaker: str) -> None:
    voice_of_many(tmp_path)
    with pytest.raises(UnknownVoice, match="anna, ben, cleo"):
        speak(engine_of(tmp_path), speaker)


def test_speakers_without_names_are_called_by_their_numbers(tmp_path: Path) -> None:
    voice_of_many(tmp_path, speaker_id_map={})
    assert _read_speakers(tmp_path / "many.onnx.json") == ("0", "1", "2")
    engine = engine_of(tmp_path)
    assert speak(engine, "1") == pytest.approx(expected(engine, 1), abs=2)


@pytest.mark.parametrize("slower", [1.0, 1.5, 2.0, 4.0])
def test_rounding_up_to_whole_frames_does_not_grow_with_the_slowness(slower: float) -> None:
    wanted, frame = np.random.default_rng(0).uniform(0, 6, 400), 256

    def length(times: float) -> int:
        return int(np.ceil(wanted * times).sum()) * frame

    rounded = len(wanted) * frame // 2
    assert usual_length(length(slower), rounded, slower) == pytest.approx(length(1.0), rel=0.03)


def test_of_several_voices_the_one_that_was_asked_for_speaks(tmp_path: Path) -> None:
    for name in ("sin", "cos"):
        voice_of_many(tmp_path / name, wave=name.title())
    rows = [make_row("speaker", tmp_path / name, name) for name in ("sin", "cos")]
    pool = make_pool(tmp_path, *rows, host=ThreadHost({Speaker: Speaker}))
    said: dict[str, set[int]] = {}
    for voice in ("cos", "sin"):
        listener = Listener()
        with pool.lease(Speaker, listener, voice) as lease:
            lease.call(Speaker.speak, "No.", speaker="anna")
        spoken = [event for event in listener.heard if isinstance(event, Spoke)]
        said[voice] = {int(sample) for event in spoken for sample in np.frombuffer(event.samples, "<i2")}
    pool.close()
    # Speaker 0: the sine of nothing, and its cosine.
    assert said == {"sin": {0}, "cos": {32_767}}
