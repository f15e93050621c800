"""Sound in and out: any file that FFmpeg decodes becomes samples, samples become any format that clients ask for.

    sound = decode_sound(upload, max_seconds=7200)
    encoder = SoundEncoder("mp3", rate=22050)
    body = encoder.feed(pcm) + encoder.finish()

PyAV (FFmpeg's libraries) does the work and is imported at the first use: it is no part of a gateway's start. It knows
no model.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from inference.errors import InvalidRequest, TooLarge, UnreadableAudio

SoundFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
FORMATS: Final[tuple[str, ...]] = get_args(SoundFormat)
MEDIA_TYPES: Final = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
PCM_RATE: Final = 24_000
"""Headerless samples are taken to be at this rate by clients of OpenAI's API."""

BIT_RATE: Final = 64_000
"""Bits per second of lossy formats: transparent for one voice."""

# Containers of sound. Playlists (hls, concat, dash) are left out on purpose: they make FFmpeg open other files.
_CONTAINERS: Final = (
    "wav,w64,aiff,au,caf,mp3,flac,ogg,aac,ac3,eac3,matroska,webm,mov,mp4,m4a,3gp,3g2,amr,asf,avi,flv,mpeg,mpegts"
)
_ENCODERS: Final = {
    "mp3": ("mp3", "libmp3lame"),
    "opus": ("ogg", "libopus"),
    "aac": ("adts", "aac"),
    "flac": ("flac", "flac"),
}


@dataclass(frozen=True, slots=True)
class Sound:
    """``samples``: float32 mono in [-1, 1], shape (length,); ``rate``: samples per second."""

    samples: NDArray[np.float32]
    rate: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate


def decode_sound(data: bytes, *, max_seconds: float, rate: int = 16_000) -> Sound:
    """Decode the first audio stream of a file to mono at ``rate`` Hz with FFmpeg's filtered resampler.

    A container without a single sample is an empty sound. What breaks off is read to where it breaks. Raises
    `UnreadableAudio` for bytes that are no sound, `TooLarge` past ``max_seconds``.
    """
    import av

    pieces: list[NDArray[np.float32]] = []
    count, limit = 0, int(max_seconds * rate)
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "none"}
    try:
        with av.open(io.BytesIO(data), mode="r", options=options, metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise UnreadableAudio("The file holds no sound. Send any audio format: wav, mp3, m4a, ogg, webm, flac")
            resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
            for frame in _frames(container):
                for piece in resampler.resample(frame):
                    samples = piece.to_ndarray().reshape(-1)
                    count += len(samples)
                    if count > limit:
                        raise TooLarge(f"The sound is longer than {max_seconds:.0f} s, the limit; cut it into pieces")
                    pieces.append(samples)
    except av.FFmpegError as error:
        raise UnreadableAudio(
            f"The file is no sound that FFmpeg can decode ({error.strerror}). Send wav, mp3, m4a, ogg, webm or flac"
        ) from error
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    # A float file may hold anything; the models are promised numbers in [-1, 1].
    return Sound(np.clip(np.nan_to_num(samples), -1.0, 1.0).astype(np.float32), rate)


def _frames(container: Any) -> Any:
    """Yield decoded frames, then None to flush the resampler; stop where the data breaks after a first frame."""
    import av

    heard = False
    try:
        for frame in container.decode(container.streams.audio[0]):
            heard = True
            yield frame
    except av.FFmpegError:
        if not heard:
            raise
    if heard:
        yield None


class SoundEncoder:
    """Turns 16-bit mono PCM into one of `FORMATS`, piece by piece.

    A streamed WAV cannot know its length, so its header says "unknown" (0xFFFFFFFF) as streaming players expect;
    `encode_sound` writes true sizes.
    """

    def __init__(self, format: SoundFormat, rate: int) -> None:  # noqa: A002 - the field's own name
        if format not in FORMATS:
            raise InvalidRequest(
                f"There is no sound format {format!r}; ask for one of {', '.join(FORMATS)}", param="response_format"
            )
        self._format = format
        self._rate = rate
        self._sink = _Sink()
        self._container: Any = None
        self._resampler: Any = None
        self._stream: Any = None
        if format == "wav":
            self._sink.write(_wav_header(rate, None))
        elif format == "pcm":
            self._open_resampler(PCM_RATE, "s16")
        else:
            self._open(*_ENCODERS[format])

    def _open(self, container: str, codec: str) -> None:
        import av

        options = {"write_xing": "0"} if container == "mp3" else {}  # the Xing header needs a file that can be rewound
        self._container = av.open(self._sink, mode="w", format=container, container_options=options)
        rate = 48_000 if codec == "libopus" else self._rate
        self._stream = self._container.add_stream(codec, rate=rate, layout="mono")
        self._stream.bit_rate = BIT_RATE
        self._open_resampler(rate, self._stream.format.name)

    def _open_resampler(self, rate: int, sample_format: str) -> None:
        import av

        size = self._stream.frame_size if self._stream is not None and self._stream.frame_size else 0
        self._resampler = av.AudioResampler(format=sample_format, layout="mono", rate=rate, frame_size=size)

    def feed(self, pcm: bytes) -> bytes:
        """Encode ``pcm``, little-endian signed 16-bit mono, and return what is ready; may be empty."""
        if self._format == "wav":
            return self._sink.take() + pcm
        import av

        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2").reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = self._rate
        self._encode(self._resampler.resample(frame))
        return self._sink.take()

    def finish(self) -> bytes:
        """Return the rest."""
        if self._resampler is not None:
            self._encode(self._resampler.resample(None))
        if self._container is not None:
            self._container.mux(self._stream.encode(None))
            self._container.close()
        return self._sink.take()

    def _encode(self, frames: Any) -> None:
        for frame in frames:
            if self._stream is None:
                self._sink.write(frame.to_ndarray().astype("<i2").tobytes())
            else:
                frame.pts = None
                self._container.mux(self._stream.encode(frame))


def encode_sound(pcm: bytes, rate: int, format: SoundFormat) -> bytes:  # noqa: A002 - the field's own name
    """Return ``pcm`` (little-endian signed 16-bit mono at ``rate`` Hz) as one whole file."""
    if format == "wav":
        return _wav_header(rate, len(pcm)) + pcm
    encoder = SoundEncoder(format, rate)
    return (encoder.feed(pcm) if pcm else b"") + encoder.finish()


def _wav_header(rate: int, size: int | None) -> bytes:
    length = 0xFFFFFFFF if size is None else size
    riff = 0xFFFFFFFF if size is None else size + 36
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", riff, b"WAVE") + layout + struct.pack("<4sI", b"data", length)


class _Sink(io.RawIOBase):
    """Where the container writes: taken out piece by piece, never rewound."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces = bytearray()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: Any) -> int:
        self._pieces += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._pieces)
        self._pieces.clear()
        return taken
