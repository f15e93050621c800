"""Speech: what HTTP costs beside the bare libraries, word errors of a round trip, real-time factors.

- Transcription of one file over HTTP against faster-whisper on the same file: at most 1.1 times, for each model.
- First byte of four spoken sentences against Piper's first sentence: at most 1.3 times. The whole at most 1.1 times, of
  the same job: samples against Piper's samples, and mp3 against Piper followed by the same encoder in one process. What
  mp3 over HTTP takes beside Piper's bare samples, which is no equal job, is told too.
- Sixty sentences spoken and written down again: word error rate and real-time factor, for each model.
- The sixty as one long sound, one half minute after the other and several at once: word error rate both ways.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

from scripts.benching.gateway import running
from scripts.benching.timing import compare, tell
from scripts.benching.word_errors import count_errors, words

HERE = Path(__file__).resolve().parent
STORE = HERE.parent.parent / "models" / "store"
MODELS = ("faster-whisper-tiny.en", "faster-whisper-base")
VOICE = "en_US-joe-medium"
FOUR_SENTENCES = (
    "The museum shows paintings of rivers, bridges and small towns. We walked along the canal until the lights came "
    "on across the water. Can you tell me where the nearest pharmacy is? He repaired the broken clock with a screw "
    "from an old radio."
)
FALLBACK = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be asked of this measurement."""
    parser.add_argument("--quick", action="store_true", help="few sentences, few turns")
    parser.add_argument("--only", choices=("speaking", "hearing"), help="one half of it")


def measure(arguments: argparse.Namespace) -> bool:
    """Print every figure; return whether all targets were met."""
    import httpx

    # As many threads for the bare library as for the gateway's worker, or there is nothing to compare.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sentences = (HERE / "sentences.txt").read_text(encoding="utf-8").splitlines()[: 6 if arguments.quick else None]
    turns = 5 if arguments.quick else 7
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} processors, load {load:.1f}, {os.environ['OMP_NUM_THREADS']} thread(s) an engine")
    with running({"TAWNY_DEVICE": "cpu"}) as url, httpx.Client(base_url=url, timeout=300) as client:
        met = arguments.only == "hearing" or _speech(client, turns)
        if arguments.only == "speaking":
            return met
        sounds = [_speak(client, sentence) for sentence in sentences]
        for model in MODELS:
            met &= _transcription(client, model, sounds, turns)
        for model in MODELS:
            _round_trip(client, model, sentences, sounds)
    for model in MODELS:
        _batches(model, sentences, sounds)
    return met


def _speech(client: Any, turns: int) -> bool:
    """Compare four sentences: first sound and whole."""
    from piper import PiperVoice

    from inference.sounds import SoundEncoder

    voice = PiperVoice.load(next((STORE / VOICE).glob("*.onnx")))

    def first_of_bare() -> float:
        started = time.perf_counter()
        next(iter(voice.synthesize(FOUR_SENTENCES)))
        return time.perf_counter() - started

    def bare() -> float:
        started = time.perf_counter()
        assert b"".join(chunk.audio_int16_bytes for chunk in voice.synthesize(FOUR_SENTENCES))
        return time.perf_counter() - started

    def bare_as_mp3() -> float:
        started = time.perf_counter()
        encoder = SoundEncoder("mp3", voice.config.sample_rate)
        pieces = [encoder.feed(chunk.audio_int16_bytes) for chunk in voice.synthesize(FOUR_SENTENCES)]
        assert b"".join([*pieces, encoder.finish()])
        return time.perf_counter() - started

    def ours(response_format: str, *, whole: bool = True) -> float:
        body = {"model": "tts-1", "voice": VOICE, "input": FOUR_SENTENCES, "response_format": response_format}
        started = time.perf_counter()
        with client.stream("POST", "/v1/audio/speech", json=body) as response:
            assert response.status_code == 200, response.read()
            for _ in response.iter_raw():
                if not whole:
                    return time.perf_counter() - started
        return time.perf_counter() - started

    first = compare(first_of_bare, lambda: ours("mp3", whole=False), turns)
    samples = compare(bare, lambda: ours("pcm"), turns)
    as_mp3 = compare(bare_as_mp3, lambda: ours("mp3"), turns)
    met = tell("four sentences, first sound (mp3, against Piper's first sentence)", first, 1.3)
    met &= tell("four sentences, whole, samples against Piper's samples", samples, 1.1)
    met &= tell("four sentences, whole, mp3 against Piper and the same encoder", as_mp3, 1.1)
    unequal = compare(bare, lambda: ours("mp3"), turns)
    print(f"four sentences, whole, mp3 against Piper's samples, no equal job: ratio {unequal.of_best:.2f}", flush=True)
    return met


def _speak(client: Any, text: str) -> bytes:
    body = {"model": "tts-1", "voice": VOICE, "input": text, "response_format": "wav"}
    response = client.post("/v1/audio/speech", json=body)
    assert response.status_code == 200, response.text
    return bytes(response.content)


def _write_down(client: Any, model: str, sound: bytes) -> str:
    # With times, so that both sides do the same.
    files, fields = {"file": ("sound.wav", sound, "audio/wav")}, {"model": model, "response_format": "verbose_json"}
    response = client.post("/v1/audio/transcriptions", files=files, data={**fields, "language": "en"})
    assert response.status_code == 200, response.text
    return str(response.json()["text"])


def _transcription(client: Any, model: str, sounds: list[bytes], turns: int) -> bool:
    """Compare about half a minute of speech."""
    import io

    from faster_whisper import WhisperModel

    from inference.sounds import encode_sound

    samples = _join(sounds[:8])
    sound = encode_sound((samples * 32_767).astype("<i2").tobytes(), 16_000, "wav")
    bare_model = WhisperModel(str(STORE / model), device="cpu", compute_type="int8", local_files_only=True)

    def bare() -> float:
        started = time.perf_counter()
        found, _ = bare_model.transcribe(io.BytesIO(sound), language="en", temperature=FALLBACK)
        assert list(found)
        return time.perf_counter() - started

    def ours() -> float:
        started = time.perf_counter()
        assert _write_down(client, model, sound)
        return time.perf_counter() - started

    return tell(f"{model}, {len(samples) / 16_000:.0f} s of sound", compare(bare, ours, turns), 1.1)


def _round_trip(client: Any, model: str, sentences: list[str], sounds: list[bytes]) -> None:
    """Write down what was spoken, sentence by sentence."""
    errors = said = 0
    seconds = sum(len(sound) for sound in sounds) / 2 / 22_050
    started = time.perf_counter()
    for sentence, sound in zip(sentences, sounds, strict=True):
        expected = words(sentence)
        errors += count_errors(expected, words(_write_down(client, model, sound)))
        said += len(expected)
    factor = (time.perf_counter() - started) / seconds
    print(
        f"{model}: word error rate {100 * errors / said:.1f} % on {len(sentences)} sentences ({said} words), "
        f"real-time factor {factor:.3f} sentence by sentence",
        flush=True,
    )


def _batches(model: str, sentences: list[str], sounds: list[bytes]) -> None:
    """Read one long sound both ways, without and with noise, through the engine itself."""
    import numpy as np

    from inference.engine import Weights
    from inference.engines.transcriber import Transcriber
    from inference.hardware.device import Device

    transcriber = Transcriber()
    place = Device("cpu", "cpu", "float32", "a measurement")
    transcriber.load(Weights(model, STORE / model, options={"batch": 4}), place)
    expected = [word for sentence in sentences for word in words(sentence)]
    clean = _join(sounds)[: 240 * 16_000]
    noise = np.random.default_rng(0).normal(size=len(clean)).astype(np.float32)
    for loudness in (0.0, 0.02):
        for timed in (True, False):
            before, started = time.process_time(), time.perf_counter()
            text = _run(transcriber.transcribe(clean + loudness * noise, language="en", timed=timed))
            errors = count_errors(expected, words(text))
            print(
                f"{model}, {len(clean) / 16_000:.0f} s, noise {loudness}: "
                f"{'one after the other' if timed else 'several at once'}: word error rate "
                f"{100 * errors / len(expected):.2f} %, {time.process_time() - before:.1f} s of a processor, "
                f"real-time factor {(time.perf_counter() - started) / len(clean) * 16_000:.3f}",
                flush=True,
            )


def _run(verb: Any) -> str:
    while True:
        try:
            next(verb)
        except StopIteration as end:
            return str(end.value.text)


def _join(sounds: list[bytes]) -> Any:
    """Return spoken sentences as one sound at 16 kHz, with pauses as between sentences."""
    import numpy as np

    from inference.sounds import decode_sound

    pause = np.random.default_rng(0)
    pieces = []
    for sound in sounds:
        pieces.append(decode_sound(sound, max_seconds=60).samples)
        pieces.append(np.zeros(int(pause.uniform(0.05, 0.9) * 16_000), np.float32))
    return np.concatenate(pieces)
