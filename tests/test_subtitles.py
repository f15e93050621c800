"""Transcripts cut into cues that a person can read, and written as SubRip and WebVTT."""

from __future__ import annotations

from itertools import pairwise

import pytest

from api.subtitles import LONGEST_CHARACTERS, LONGEST_SECONDS, Cue, cut_cues, write_srt, write_vtt
from inference.engines.transcriber import Segment, Transcript, Word


def transcript(*segments: tuple[float, float, str, tuple[Word, ...]]) -> Transcript:
    """Return a transcript of segments given as start, end, text and words."""
    made = [
        Segment(n, 0, start, end, text, (), 0.0, 0.0, 1.0, 0.0, words)
        for n, (start, end, text, words) in enumerate(segments)
    ]
    return Transcript("", "en", 60.0, tuple(made))


def words(count: int, seconds: float, text: str = "word") -> tuple[Word, ...]:
    """Return words one after another."""
    return tuple(Word(f" {text}", n * seconds, (n + 1) * seconds, 0.9) for n in range(count))


@pytest.mark.parametrize(
    ("count", "seconds", "text"), [(30, 1.0, "a"), (100, 0.1, "lengthy"), (7, 1.0, "x"), (3, 9.0, "slow")]
)
def test_cues_are_short_and_lose_no_word(count: int, seconds: float, text: str) -> None:
    spoken = words(count, seconds, text)
    cues = cut_cues(transcript((0.0, count * seconds, "", spoken)))
    assert all(cue.end - cue.start <= LONGEST_SECONDS for cue in cues)
    assert all(len(cue.text) <= LONGEST_CHARACTERS for cue in cues)
    assert " ".join(cue.text for cue in cues).split() == [text] * count
    assert all(one.end <= other.start for one, other in pairwise(cues))


def test_a_short_segment_is_one_cue_and_segments_do_not_mix() -> None:
    cues = cut_cues(transcript((0.0, 2.0, " One.", ()), (2.5, 4.0, " Two.", ()), (5.0, 6.0, "  ", ())))
    assert cues == [Cue(0.0, 2.0, "One."), Cue(2.5, 4.0, "Two.")]


def test_a_segment_without_timed_words_is_shown_no_longer_than_allowed() -> None:
    assert cut_cues(transcript((1.0, 31.0, " Long.", ()))) == [Cue(1.0, 8.0, "Long.")]


def test_subrip() -> None:
    written = write_srt([Cue(0.0, 1.5, "One."), Cue(3661.0495, 3662.9999, "Two & three.")])
    assert written == ("1\n00:00:00,000 --> 00:00:01,500\nOne.\n\n2\n01:01:01,050 --> 01:01:03,000\nTwo & three.\n")


def test_webvtt_escapes_what_would_be_markup() -> None:
    assert write_vtt([Cue(0.0, 1.0, "a < b & c")]) == ("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\na &lt; b &amp; c\n")
    assert write_vtt([]) == "WEBVTT\n\n"


def test_what_would_end_a_cue_does_not_get_into_its_text() -> None:
    (cue,) = cut_cues(transcript((0.0, 1.0, " a\n\n00:00 --> 00:01 b", ())))
    assert cue.text == "a 00:00 -> 00:01 b"
