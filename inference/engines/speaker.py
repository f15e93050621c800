"""Turns text into speech, sentence by sentence: Piper on onnxruntime.

Piper alone phonemises the whole text before the first sound; here each sentence goes in by itself, so that the first
is heard while the next is made. Encoding the samples is ``inference/sounds.py``'s.
"""

from __future__ import annotations

import re
from typing import Any

from inference.engine import Engine, Verb, Weights
from inference.errors import UnknownVoice
from inference.events import Spoke
from inference.hardware.device import Device

# A sentence ends at . ! ? or … before a space, but not after a lone initial or a common abbreviation, nor in "3.5".
_ENDING = re.compile(
    r"(?<!\b[A-Z]\.)(?<!\b(?:Mr|Ms|Dr|St|No|vs)\.)(?<!\b(?:Mrs|etc)\.)(?<!\b(?:e\.g|i\.e)\.)(?<=[.!?…])[\"'”’)]*\s+|\n\s*\n+"
)


def split_sentences(text: str) -> list[str]:
    """Cut ``text`` into sentences; joined with single spaces they read the same.

    >>> split_sentences("Dr. Who came. It was 3.5 m! Good?")
    ['Dr. Who came.', 'It was 3.5 m!', 'Good?']
    """
    cut: list[str] = []
    start = 0
    for ending in _ENDING.finditer(text):
        cut.append(text[start : ending.end()].strip())
        start = ending.end()
    cut.append(text[start:].strip())
    return [sentence for sentence in cut if sentence]


class Speaker(Engine):
    """A Piper voice. It runs on the CPU: many times faster than real time, and its GPU paths are slower or broken."""

    name = "speaker"
    requires = ("piper",)
    library = "onnxruntime"
    runs_on = ("cpu",)

    def load(self, weights: Weights, device: Device) -> None:
        """Load the one ``*.onnx`` voice in ``weights.path``."""
        from piper import PiperVoice

        self._voice: Any = PiperVoice.load(next(weights.path.glob("*.onnx")))

    def speak(self, text: str, *, speed: float = 1.0, speaker: int | None = None) -> Verb[None]:
        """Yield `Spoke` for each sentence of ``text``; nothing for a text without a pronounceable character.

        ``speed`` 1 is the voice's own, 2 twice as fast, in [0.25, 4]. ``speaker`` is a number within a voice of many.
        Raises `UnknownVoice` for a speaker the voice lacks.
        """
        from piper.config import SynthesisConfig

        count = self._voice.config.num_speakers
        if speaker is not None and not 0 <= speaker < count:
            raise UnknownVoice(f"This voice has {count} speaker(s), numbered from 0", param="voice")
        # Scaling each sentence to full range would make short ones shout: the voice's own level is kept.
        manner = SynthesisConfig(
            speaker_id=speaker, length_scale=self._voice.config.length_scale / speed, normalize_audio=False
        )
        for sentence in split_sentences(text):
            for piece in self._voice.synthesize(sentence, manner):
                yield Spoke(piece.audio_int16_bytes, piece.sample_rate)
