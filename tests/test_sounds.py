"""Sound in and out, on tones made here."""

from __future__ import annotations

import io
import wave

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.errors import InvalidRequest, TawnyError, TooLarge, UnreadableAudio
from inference.sounds import FORMATS, PCM_RATE, SoundEncoder, SoundFormat, decode_sound, encode_sound, quicken

RATE = 22_050


def tone(seconds: float, hertz: float = 440.0, rate: int = RATE) -> bytes:
    """Return a sine at half of full scale as 16-bit PCM."""
    times = np.arange(int(seconds * rate)) / rate
    return (np.sin(2 * np.pi * hertz * times) * 16_000).astype("<i2").tobytes()


def loudest_hertz(samples: np.ndarray, rate: int) -> float:
    """Return the frequency with the most energy."""
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.argmax(spectrum) * rate / len(samples))


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "pcm"])
def test_every_format_comes_back_as_the_same_tone(name: SoundFormat) -> None:
    sound = decode_sound(encode_sound(tone(1.0), RATE, name), max_seconds=10)
    assert sound.rate == 16_000
    assert sound.samples.dtype == np.float32
    assert sound.seconds == pytest.approx(1.0, abs=0.12)
    assert loudest_hertz(sound.samples, 16_000) == pytest.approx(440, abs=5)
    assert 0.4 < float(np.abs(sound.samples).max()) < 0.6


@pytest.mark.parametrize(
    ("container", "codec", "options"),
    [
        ("mp4", "aac", {}),
        ("ipod", "aac", {}),
        ("mp4", "aac", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
        ("matroska", "libopus", {}),
        ("ogg", "libopus", {}),
        ("webm", "libopus", {}),
        ("mp3", "libmp3lame", {}),
        ("aiff", "pcm_s16be", {}),
    ],
    ids=["mp4", "m4a", "mp4 as Safari records", "mkv", "ogg", "webm", "mp3", "aiff"],
)
def test_every_container_is_read_in_stereo_and_at_its_own_rate(
    container: str, codec: str, options: dict[str, str]
) -> None:
    file = io.BytesIO()
    with av.open(file, "w", format=container, container_options=options) as written:
        stream = written.add_stream(codec, rate=48_000, layout="stereo")
        size = stream.frame_size or 0
        resampler = av.AudioResampler(format=stream.format.name, layout="stereo", rate=48_000, frame_size=size)
        frame = av.AudioFrame.from_ndarray(np.frombuffer(tone(1.0), "<i2").reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            written.mux(stream.encode(piece))
        if size:
            written.mux(stream.encode(None))
    sound = decode_sound(file.getvalue(), max_seconds=10)
    assert sound.seconds == pytest.approx(1.0, abs=0.12)
    assert loudest_hertz(sound.samples, 16_000) == pytest.approx(440, abs=5)
    assert 0.4 < float(np.abs(sound.samples).max()) < 0.6


def test_headerless_pcm_is_resampled_to_the_rate_clients_expect() -> None:
    body = encode_sound(tone(1.0), RATE, "pcm")
    samples = np.frombuffer(body, "<i2")
    assert len(samples) == pytest.approx(PCM_RATE, abs=50)
    assert loudest_hertz(samples.astype(float), PCM_RATE) == pytest.approx(440, abs=5)


@pytest.mark.parametrize("name", FORMATS)
def test_encoding_in_pieces_loses_nothing(name: SoundFormat) -> None:
    pcm = tone(1.0)
    encoder = SoundEncoder(name, RATE)
    body = b"".join(encoder.feed(pcm[start : start + 4_410]) for start in range(0, len(pcm), 4_410)) + encoder.finish()
    if name == "pcm":
        assert len(body) == pytest.approx(2 * PCM_RATE, abs=100)
    else:
        assert decode_sound(body, max_seconds=10).seconds == pytest.approx(1.0, abs=0.12)


def test_a_whole_wav_states_its_true_size_and_a_streamed_one_none() -> None:
    pcm = tone(0.5)
    with wave.open(io.BytesIO(encode_sound(pcm, RATE, "wav"))) as file:
        assert (file.getnframes(), file.getframerate(), file.getnchannels(), file.getsampwidth()) == (
            len(pcm) // 2,
            RATE,
            1,
            2,
        )
    streamed = SoundEncoder("wav", RATE).feed(pcm)
    assert streamed[4:8] == streamed[40:44] == b"\xff\xff\xff\xff"


def test_an_unknown_format_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidRequest, match="mp3, opus"):
        encode_sound(b"", RATE, "ogg3")  # type: ignore[arg-type]


def test_a_file_without_samples_is_an_empty_sound() -> None:
    assert len(decode_sound(encode_sound(b"", RATE, "wav"), max_seconds=1).samples) == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        bytes(1000),
        b"\x89PNG\r\n\x1a\n" + bytes(50),
        b"#EXTM3U\nfile:///etc/passwd\n",
        b"RIFF\xff\xff\xff\xffWAVE",
    ],
    ids=["nothing", "text", "zeros", "picture", "playlist", "header only"],
)
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableAudio):
        decode_sound(data, max_seconds=10)


def test_a_video_without_sound_is_refused() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("ffv1", rate=1)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        container.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        container.mux(stream.encode(None))
    with pytest.raises(UnreadableAudio, match="holds no sound"):
        decode_sound(file.getvalue(), max_seconds=10)


def test_a_stereo_sound_whose_halves_cancel_is_still_heard() -> None:
    left = np.frombuffer(tone(1.0), "<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(2)
        written.setsampwidth(2)
        written.setframerate(RATE)
        written.writeframes(np.stack([left, -left], axis=1).tobytes())
    sound = decode_sound(file.getvalue(), max_seconds=10)
    assert sound.seconds == pytest.approx(1.0, abs=0.01)
    assert loudest_hertz(sound.samples, 16_000) == pytest.approx(440, abs=5)
    assert 0.4 < float(np.abs(sound.samples).max()) < 0.6


def test_what_is_longer_than_the_limit_is_too_large() -> None:
    with pytest.raises(TooLarge, match="longer than 1 s"):
        decode_sound(encode_sound(tone(1.5), RATE, "wav"), max_seconds=1)


def test_a_truncated_file_is_read_to_where_it_breaks() -> None:
    whole = encode_sound(tone(2.0), RATE, "mp3")
    assert 0.5 < decode_sound(whole[: len(whole) // 2], max_seconds=10).seconds < 1.5


def test_above_half_the_rate_is_filtered_out_not_folded_down() -> None:
    sound = decode_sound(encode_sound(tone(1.0, hertz=15_000, rate=48_000), 48_000, "wav"), max_seconds=5)
    assert float(np.abs(sound.samples[1000:-1000]).max()) < 0.01


@pytest.mark.parametrize("tempo", [0.5, 1.0, 1.5, 4.0])
def test_quicker_is_shorter_and_no_higher(tempo: float) -> None:
    samples = np.frombuffer(tone(2.0), "<i2").astype(np.float32) / np.float32(32_768)
    quick = quicken(samples, RATE, tempo)
    assert len(quick) / RATE == pytest.approx(2.0 / tempo, rel=0.05)
    assert loudest_hertz(quick, RATE) == pytest.approx(440, abs=10)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    start=st.sampled_from([encode_sound(tone(0.05), RATE, name) for name in ("wav", "mp3", "flac", "opus")]),
    position=st.integers(0, 400),
    noise=st.binary(min_size=1, max_size=40),
)
def test_a_damaged_file_is_an_answer_or_a_refusal(start: bytes, position: int, noise: bytes) -> None:
    damaged = start[:position] + noise + start[position + len(noise) :]
    try:
        sound = decode_sound(damaged, max_seconds=10)
    except TawnyError as error:
        assert isinstance(error, UnreadableAudio | TooLarge)
    else:
        assert np.isfinite(sound.samples).all()
        assert float(np.abs(sound.samples).max(initial=0)) <= 1
