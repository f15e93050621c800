"""Sound in and out: any file that FFmpeg decodes becomes samples, samples become any format that clients ask for.

    sound = decode_sound(upload, max_seconds=7200)                       # bytes or an open file
    sound = decode_sound(upload, max_seconds=60, raw=raw_layout("audio/L16; rate=16000"))
    encoder = SoundEncoder("mp3", rate=22050)
    body = encoder.feed(pcm) + encoder.finish()

PyAV (FFmpeg's libraries) does the work and is imported at the first use: it is no part of a gateway's start. It knows
no model.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from email.message import Message
from typing import Any, BinaryIO, Final, Literal, get_args

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

CANCELLED: Final = 1e-3
"""Below this peak (-60 dB) the mix of a stereo sound is taken to be two halves that cancel, as of a microphone whose
wires are swapped; one half is heard then. Silence is none the louder for it."""

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


@dataclass(frozen=True, slots=True)
class RawLayout:
    """What headerless samples are: FFmpeg's name of their ``format``, ``rate`` in Hz, number of ``channels``."""

    format: str
    rate: int
    channels: int


_RAW_FORMATS: Final = {
    "audio/pcm": ("s16le", PCM_RATE),
    "audio/x-pcm": ("s16le", PCM_RATE),
    "audio/raw": ("s16le", PCM_RATE),
    "audio/x-raw": ("s16le", PCM_RATE),
    "audio/l16": ("s16be", 44_100),  # RFC 2586: network order
    "audio/pcmu": ("mulaw", 8_000),  # RFC 3551, as telephones send it
    "audio/pcma": ("alaw", 8_000),
    "audio/basic": ("mulaw", 8_000),
}


def raw_layout(content_type: str | None) -> RawLayout | None:
    """Return the layout that a content type such as ``audio/pcm; rate=16000; channels=2`` names, None for others.

    ``audio/pcm`` is 16-bit little-endian mono at 24 kHz where it does not say otherwise, as in OpenAI's API. Raises
    `InvalidRequest` for a rate or a number of channels that nobody records with.
    """
    header = Message()
    header["content-type"] = content_type or ""
    found = _RAW_FORMATS.get(header.get_content_type())
    if found is None or "audio/" not in (content_type or "").lower():
        return None
    try:
        rate, channels = int(str(header.get_param("rate", found[1]))), int(str(header.get_param("channels", 1)))
    except ValueError:
        rate = channels = 0
    if not 4_000 <= rate <= 384_000 or not 1 <= channels <= 8:
        raise InvalidRequest(
            f"The content type {content_type!r} must give rate as 4000 to 384000 and channels as 1 to 8", param="file"
        )
    return RawLayout(found[0], rate, channels)


def decode_sound(
    source: bytes | BinaryIO, *, max_seconds: float, rate: int = 16_000, raw: RawLayout | None = None
) -> Sound:
    """Decode the first audio stream of a file to mono at ``rate`` Hz with FFmpeg's filtered resampler.

    ``source`` is the file's bytes, or a file that can be read and rewound: a large one need not be in memory. ``raw``
    says what headerless samples are. A container without a single sample is an empty sound. What breaks off is read
    to where it breaks. Raises `UnreadableAudio` for bytes that are no sound, `TooLarge` past ``max_seconds``.
    """
    import av

    file = io.BytesIO(source) if isinstance(source, bytes) else source
    limit = int(max_seconds * rate) * 4
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "none"}
    name = None
    if raw is not None:
        name = raw.format
        layout = {1: "mono", 2: "stereo"}.get(raw.channels, f"{raw.channels}c")
        options |= {"format_whitelist": raw.format, "sample_rate": str(raw.rate), "ch_layout": layout}
    try:
        samples, channels = _read(file, name, options, rate, limit, side=False)
        if channels == 2 and len(samples) and max(float(samples.max()), -float(samples.min())) < CANCELLED:
            file.seek(0)
            samples, _ = _read(file, name, options, rate, limit, side=True)
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it contradicts itself"
        raise UnreadableAudio(
            f"The file is no sound that FFmpeg can decode ({reason}). Send wav, mp3, m4a, ogg, webm or flac"
        ) from error
    # A float file may hold anything; the models are promised numbers in [-1, 1].
    np.nan_to_num(samples, copy=False)
    np.clip(samples, -1.0, 1.0, out=samples)
    return Sound(samples, rate)


def _read(
    file: BinaryIO, name: str | None, options: dict[str, str], rate: int, limit: int, *, side: bool
) -> tuple[NDArray[np.float32], int]:
    """Return the mix of all channels, or one ``side`` of a stereo sound, and how many channels there are."""
    import av

    heard = bytearray()  # grows in place: two hours are half a gigabyte, and a list of pieces would take it twice
    with av.open(file, mode="r", format=name, options=options, metadata_errors="ignore") as container:
        if not container.streams.audio:
            raise UnreadableAudio("The file holds no sound. Send any audio format: wav, mp3, m4a, ogg, webm, flac")
        channels = 0
        resampler = av.AudioResampler(format="flt", layout="stereo" if side else "mono", rate=rate)
        for frame in _frames(container):
            channels = channels if frame is None else frame.layout.nb_channels
            for piece in resampler.resample(frame):
                heard += piece.to_ndarray()[:, :: 2 if side else 1].tobytes()
            if len(heard) > limit:
                seconds = limit / 4 / rate
                raise TooLarge(f"The sound is longer than {seconds:.0f} s, the limit; cut it into pieces")
    return np.frombuffer(heard, np.float32), channels


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


def quicken(samples: NDArray[np.float32], rate: int, tempo: float) -> NDArray[np.float32]:
    """Return ``samples`` played ``tempo`` times as fast, at least 0.5, without a change of pitch (FFmpeg's atempo)."""
    import av

    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate, format="flt", layout="mono")
    filters = [source, graph.add("atempo", f"{tempo:.4f}"), graph.add("abuffersink")]
    graph.link_nodes(*filters).configure()
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
    frame.sample_rate = rate
    graph.push(frame)
    graph.push(None)
    pieces: list[NDArray[np.float32]] = []
    while True:
        try:
            pieces.append(graph.pull().to_ndarray().reshape(-1))
        except (av.FFmpegError, EOFError):  # nothing more is to come
            return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


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

        # mp3: the Xing header needs a file that can be rewound. ogg: pages are sent when full, by default after 1 s.
        options = {"mp3": {"write_xing": "0"}, "ogg": {"page_duration": "200000"}}.get(container, {})
        self._container = av.open(self._sink, mode="w", format=container, container_options=options)
        rate = 48_000 if codec == "libopus" else self._rate
        self._stream = self._container.add_stream(codec, rate=rate, layout="mono")
        self._stream.bit_rate = BIT_RATE
        if codec == "libmp3lame":
            # LAME's quick way takes half the time of its default, and at this bit rate it is no further from the
            # original: 24.6 dB against 23.7 dB of signal to noise on spoken sentences.
            self._stream.codec_context.options = {"compression_level": "7"}
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
