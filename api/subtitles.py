"""A transcript as subtitles: cues short enough to read, as SRT or WebVTT.

It needs timed words: a segment of Whisper's lasts up to 30 s, a cue at most 7.
"""

from __future__ import annotations

from dataclasses import dataclass

from inference.engines.transcriber import Segment, Transcript

LONGEST_SECONDS = 7.0
LONGEST_CHARACTERS = 84  # two lines of 42, what broadcasters allow


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown from ``start`` to ``end``, in seconds."""

    start: float
    end: float
    text: str


def cut_cues(transcript: Transcript) -> list[Cue]:
    """Return cues of at most 7 s and 84 characters (a longer word stays whole), in order, never across segments."""
    return [cue for segment in transcript.segments for cue in _cut(segment) if cue.text]


def _cut(segment: Segment) -> list[Cue]:
    if not segment.words:
        return [_cue(segment.start, segment.end, segment.text)]
    cues: list[Cue] = []
    start, end, text = segment.words[0].start, segment.words[0].start, ""
    for word in segment.words:
        too_long = word.end - start > LONGEST_SECONDS or len((text + word.word).strip()) > LONGEST_CHARACTERS
        if text and too_long:
            cues.append(_cue(start, end, text))
            start, text = word.start, ""
        text += word.word
        end = word.end
    cues.append(_cue(start, end, text))
    return cues


def _cue(start: float, end: float, text: str) -> Cue:
    # "-->" would end a WebVTT cue's text, and a blank line would end the cue.
    return Cue(start, min(end, start + LONGEST_SECONDS), " ".join(text.split()).replace("-->", "->"))


def write_srt(cues: list[Cue]) -> str:
    """Return the cues as SubRip."""
    return "\n".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{cue.text}\n"
        for number, cue in enumerate(cues, start=1)
    )


def write_vtt(cues: list[Cue]) -> str:
    """Return the cues as WebVTT."""
    return "WEBVTT\n\n" + "\n".join(
        f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_escape(cue.text)}\n" for cue in cues
    )


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"
