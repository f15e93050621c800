"""Sounds of any length heard in pieces, and how loud and how sure: without a model."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.engines import transcriber as transcriber_module
from inference.engines.speaker import HEADROOM, LOUDNESS, level
from inference.engines.transcriber import RATE, Segment, Transcriber, Transcript, is_silent
from inference.errors import InvalidRequest
from inference.hearing import PIECE_SECONDS, SEARCH_SECONDS, cut, hear
from inference.lease import Lease


def noise(seconds: float, loudness: float = 0.1) -> NDArray[np.float32]:
    """Return something that is loud all the time."""
    samples = np.random.default_rng(0).normal(size=int(seconds * RATE)) * loudness
    return samples.astype(np.float32)


class Heard:
    """In a lease's place: answers each call with one segment, and keeps what it was asked."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.asked: list[dict[str, Any]] = []

    def call(self, verb: object, samples: NDArray[np.float32], **how: Any) -> Transcript:
        """Return a transcript of one segment, or of none for an empty text."""
        self.asked.append({**how, "seconds": len(samples) / RATE})
        text = self.texts.pop(0)
        segment = Segment(how["first"], 0, how["start"], how["start"] + 1, text, (), 0.0, 0.0, 1.0, 0.0)
        return Transcript(text.strip(), "de" if text else "", len(samples) / RATE, (segment,) if text else ())


def listen(heard: Heard, samples: NDArray[np.float32], **how: Any) -> Transcript:
    """Hear ``samples`` through the stand-in."""
    return hear(cast(Lease[Transcriber], heard), samples, **{"language": None, "prompt": None, **how})


@pytest.mark.parametrize("seconds", [0, 0.01, 10, PIECE_SECONDS])
def test_a_short_sound_is_one_piece(seconds: float) -> None:
    samples = np.zeros(int(seconds * RATE), np.float32)
    assert cut(samples) == [(0, len(samples))]


def test_a_long_sound_is_cut_where_it_is_quiet() -> None:
    samples = noise(2 * PIECE_SECONDS)
    quiet = int((PIECE_SECONDS - SEARCH_SECONDS / 2) * RATE)
    samples[quiet : quiet + RATE] = 0
    pieces = cut(samples)
    assert quiet <= pieces[0][1] <= quiet + RATE
    assert pieces[0][0] == 0
    assert pieces[-1][1] == len(samples)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(pieces))
    assert all(0 < end - begin <= PIECE_SECONDS * RATE for begin, end in pieces)


def test_pieces_are_told_the_text_before_them_their_place_and_the_language_once_found() -> None:
    heard = Heard("", " eins", " zwei")
    transcript = listen(heard, noise(2.5 * PIECE_SECONDS), prompt="before", words=True)
    assert (transcript.text, transcript.language) == ("eins zwei", "de")
    assert transcript.duration == 2.5 * PIECE_SECONDS
    assert [asked["language"] for asked in heard.asked] == [None, None, "de"]
    assert [asked["prompt"] for asked in heard.asked] == ["before", "before", "eins"]
    assert [asked["first"] for asked in heard.asked] == [0, 0, 1]
    starts = [asked["start"] for asked in heard.asked]
    assert starts[0] == 0
    assert starts[2] == pytest.approx(heard.asked[0]["seconds"] + heard.asked[1]["seconds"])
    assert all(asked["words"] for asked in heard.asked)


def test_a_language_that_is_given_is_kept_and_silence_has_one_too() -> None:
    assert listen(Heard(""), noise(1), language="fr").language == "fr"
    assert listen(Heard(""), noise(1)).language == "en"


@pytest.mark.parametrize(
    ("samples", "silent"),
    [
        (np.zeros(RATE, np.float32), True),
        (np.zeros(0, np.float32), True),
        (noise(1, 1e-4), True),
        (noise(1, 1e-2), False),
        (np.concatenate([np.zeros(RATE, np.float32), noise(0.15)]), False),
    ],
)
def test_silence_is_told_from_quiet(samples: NDArray[np.float32], silent: bool) -> None:
    assert is_silent(samples) is silent


class Whisper:
    """In a model's place: says what it was asked and answers as told."""

    supported_languages = ("de", "en")

    def __init__(self, poor: bool = False) -> None:
        self.calls: list[str] = []
        self.poor = poor

    def _answer(self, ratio: float) -> tuple[list[Any], Any]:
        segment = SimpleNamespace(
            seek=0, start=0.0, end=1.0, text=" Hello.", tokens=[1], temperature=None, avg_logprob=-0.1,
            compression_ratio=ratio, no_speech_prob=0.0, words=None,
        )  # fmt: skip
        return [segment], SimpleNamespace(language="en")

    def transcribe(self, samples: object, **how: Any) -> tuple[list[Any], Any]:
        """Note which way was taken."""
        at_once = "batch_size" in how
        self.calls.append("at once" if at_once else "one after the other")
        return self._answer(9.0 if at_once and self.poor else 1.0)


def transcriber(whisper: Whisper, **fields: Any) -> Transcriber:
    """Return the engine around a stand-in, for which everything is speech."""
    engine = Transcriber()
    values = {"_model": whisper, "_batched": whisper, "_batch": 4, "_id": "a-model", "_translates": True, **fields}
    for name, value in values.items():
        setattr(engine, name, value)
    return engine


def finish(verb: Any) -> Transcript:
    """Run a verb to its end."""
    while True:
        try:
            next(verb)
        except StopIteration as end:
            return cast(Transcript, end.value)


@pytest.mark.parametrize(
    ("seconds", "how", "ways"),
    [
        (90, {"timed": False}, ["at once"]),
        (90, {}, ["one after the other"]),
        (30, {"timed": False}, ["one after the other"]),
        (90, {"timed": False, "words": True}, ["one after the other"]),
        (90, {"timed": False, "temperature": 0.4}, ["one after the other"]),
        (90, {"timed": False, "vad": True}, ["one after the other"]),
    ],
)
def test_only_long_sounds_whose_times_do_not_matter_are_read_at_once(
    monkeypatch: pytest.MonkeyPatch, seconds: float, how: dict[str, Any], ways: list[str]
) -> None:
    monkeypatch.setattr(transcriber_module, "has_speech", lambda *_: True)
    whisper = Whisper()
    assert finish(transcriber(whisper).transcribe(noise(seconds), **how)).text == "Hello."
    assert whisper.calls == ways


def test_what_comes_out_poorly_at_once_is_read_again_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcriber_module, "has_speech", lambda *_: True)
    whisper = Whisper(poor=True)
    assert finish(transcriber(whisper).transcribe(noise(90), timed=False)).segments[0].compression_ratio == 1.0
    assert whisper.calls == ["at once", "one after the other"]


def test_a_model_without_the_option_never_reads_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcriber_module, "has_speech", lambda *_: True)
    whisper = Whisper()
    finish(transcriber(whisper, _batch=1).transcribe(noise(90), timed=False))
    assert whisper.calls == ["one after the other"]


@pytest.mark.parametrize(
    ("asked", "fine"), [("en", True), ("EN-us", True), ("de_AT", True), ("fr", False), ("", False)]
)
def test_languages_are_known_by_their_code_with_or_without_a_country(
    monkeypatch: pytest.MonkeyPatch, asked: str, fine: bool
) -> None:
    monkeypatch.setattr(transcriber_module, "has_speech", lambda *_: True)
    verb = transcriber(Whisper()).transcribe(noise(1), language=asked)
    if fine:
        assert finish(verb).text == "Hello."
    else:
        with pytest.raises(InvalidRequest, match="does not know"):
            finish(verb)


def test_a_model_that_cannot_translate_says_so() -> None:
    with pytest.raises(InvalidRequest, match="a-model cannot translate") as caught:
        finish(transcriber(Whisper(), _translates=False).transcribe(noise(1), translate=True))
    assert caught.value.param == "model"


@pytest.mark.parametrize("loudness", [0.03, 0.1, 0.3])
def test_speech_is_brought_to_one_level_and_pauses_do_not_count(loudness: float) -> None:
    spoken = np.clip(noise(1, loudness), -1, 1)
    for samples in (spoken, np.concatenate([spoken, np.zeros(RATE * 3, np.float32)])):
        loud = level(samples)
        assert float(np.sqrt((loud[: len(spoken)] ** 2).mean())) == pytest.approx(LOUDNESS, rel=0.1)
        assert float(np.abs(loud).max()) <= HEADROOM


@pytest.mark.parametrize("samples", [np.zeros(1000, np.float32), np.zeros(0, np.float32), np.zeros(10, np.float32)])
def test_silence_stays_silence(samples: NDArray[np.float32]) -> None:
    assert np.array_equal(level(samples), samples)


def test_a_single_peak_stays_below_full_scale() -> None:
    samples = noise(1, 0.02)
    samples[5000] = 0.9
    assert float(np.abs(level(samples)).max()) <= HEADROOM + 1e-6
