"""Turns text into speech, sentence by sentence: Piper on onnxruntime.

Piper alone phonemises the whole text before the first sound; here each sentence goes in by itself, so that the first
is heard while the next is made. Encoding the samples is ``inference/sounds.py``'s.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.engine import Engine, Verb, Weights
from inference.engines.sentences import split_sentences
from inference.errors import UnknownVoice
from inference.events import Spoke
from inference.hardware.device import Device
from inference.sounds import quicken

LOUDNESS = 0.09
"""Root mean square of speech at full scale 1 (-21 dB): as loud as most voices are, and peaks still fit."""

HEADROOM = 0.97
BY_ITSELF = 0.7
"""Below this speed the voice itself is asked to speak slowly."""

NEAR_ENOUGH = 0.01
"""A tempo so near the one asked for is left alone."""

FURTHEST = 4.0
"""A sentence is made at most so many times louder or softer: what is quieter than that is no speech."""


class Speaker(Engine):
    """A Piper voice. It runs on the CPU: many times faster than real time, and its GPU paths are slower or broken."""

    name = "speaker"
    requires = ("piper",)
    library = "onnxruntime"
    runs_on = ("cpu",)
    sharing = 4

    def load(self, weights: Weights, device: Device) -> None:
        """Load the one ``*.onnx`` voice in ``weights.path``."""
        from onnxruntime import InferenceSession, SessionOptions
        from piper import PiperConfig, PiperVoice

        path = next(weights.path.glob("*.onnx"))
        # As Piper loads it, but without threads that spin where there is nothing to do: that takes 1.4 times the
        # processors, and on two of them the encoder, which works on one sentence while the next is made, waits for it.
        options = SessionOptions()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        config = PiperConfig.from_dict(json.loads(Path(f"{path}.json").read_text(encoding="utf-8")))
        self._voice: Any = PiperVoice(session, config)
        self._id = weights.id

    def speak(self, text: str, *, speed: float = 1.0, speaker: str | None = None) -> Verb[None]:
        """Yield `Spoke` for each sentence of ``text``; nothing for a text without a pronounceable character.

        ``speed`` 1 is the voice's own, 2 twice as fast, in [0.25, 4]. ``speaker`` is one of a voice of many, by name
        or number, None the one its makers chose. Raises `UnknownVoice` for a speaker the voice lacks.
        """
        from piper.config import SynthesisConfig

        # Slowly the voice itself speaks best. Faster it cannot: it gives each sound a frame at least, so asked for four
        # times the speed it reaches two. The rest, and what is nearly its own speed, is stretched without a change of
        # pitch. Its scaling of each piece to full range would make short ones shout: `level`.
        config = self._voice.config
        slower = 1.0 / speed if speed < BY_ITSELF else 1.0
        manner = SynthesisConfig(
            speaker_id=self._speaker(speaker), length_scale=config.length_scale * slower, normalize_audio=False
        )
        for sentence in split_sentences(text):
            pieces = list(self._voice.synthesize(sentence, manner))
            samples = np.concatenate([np.zeros(0, np.float32), *(piece.audio_float_array for piece in pieces)])
            if len(samples):
                rounded = sum(len(piece.phoneme_ids) for piece in pieces) * config.hop_length // 2
                tempo = max(0.5, speed * len(samples) / usual_length(len(samples), rounded, slower))
                if abs(tempo - 1) > NEAR_ENOUGH:
                    samples = quicken(samples, config.sample_rate, tempo)
                yield Spoke((level(samples) * 32_767).astype("<i2").tobytes(), config.sample_rate)

    def _speaker(self, name: str | None) -> int | None:
        """Return the number of the speaker called ``name``; None for a voice of one."""
        config = self._voice.config
        if name is None:
            return None  # the voice's own first choice, which need not be its number 0
        known: dict[str, int] = config.speaker_id_map or {}
        if name in known:
            return known[name]
        if name.isdecimal() and int(name) < config.num_speakers:
            return int(name) if config.num_speakers > 1 else None
        names = ", ".join(list(known)[:8]) or f"0 to {config.num_speakers - 1}"
        raise UnknownVoice(
            f"The voice {self._id} has {config.num_speakers} speaker(s), none called {name!r}: {names}", param="voice"
        )


def usual_length(length: int, rounded: int, slower: float) -> float:
    """Return how many samples long would be at its usual speed what is ``length`` long and spoken ``slower`` times.

    A voice makes each sound as long as it should be, then rounds it up to whole frames. Those ``rounded`` samples, half
    a frame for each sound, do not grow with the slowness: asked for a quarter of the speed it reaches only 0.3.
    """
    return rounded + (length - rounded) / slower


def level(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``samples``, float32 in [-1, 1], at `LOUDNESS`, so that no sentence is louder than its neighbours.

    Pauses do not count. Peaks stay below `HEADROOM`, silence stays silence.
    """
    frames = samples[: len(samples) // 256 * 256].reshape(-1, 256)
    power = (frames**2).mean(axis=1) if len(frames) else np.zeros(1, np.float32)
    spoken = power[power > power.max() / 1000]
    if not len(spoken):
        return samples
    gain = float(np.clip(LOUDNESS / np.sqrt(spoken.mean()), 1 / FURTHEST, FURTHEST))
    gain = min(gain, HEADROOM / float(np.abs(samples).max()))
    return (samples * gain).astype(np.float32)
