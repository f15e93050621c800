"""What a route may ask for: the runtime, the settings, and uploads that have passed every limit.

All that can be refused about an upload is refused here, before any work starts. Decoding happens on a thread: a large
picture must not hold up everybody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, cast

import numpy as np
from fastapi import Depends, Request, UploadFile
from PIL import Image
from starlette.concurrency import run_in_threadpool

from api.decoding import decoded
from api.settings import Settings
from inference.engines.transcriber import RATE
from inference.errors import InvalidRequest, Refused, TooLarge
from inference.operations import Operation, parse_plan
from inference.pictures import Picture, check_mask, decode_picture, read_mask
from inference.runtime import Runtime
from inference.sounds import Sound, decode_sound, raw_layout


def runtime_of(request: Request) -> Runtime:
    """Return the runtime of the app that serves ``request``."""
    return cast(Runtime, request.app.state.runtime)


def settings_of(request: Request) -> Settings:
    """Return the settings of the app that serves ``request``."""
    return cast(Settings, request.app.state.settings)


WithRuntime = Annotated[Runtime, Depends(runtime_of)]
WithSettings = Annotated[Settings, Depends(settings_of)]


def expect_form(request: Request) -> None:
    """Raise `InvalidRequest` for a body that is no form: its fields would only look as if they were missing."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in ("multipart/form-data", "application/x-www-form-urlencoded"):
        kind = kind or "a body without a Content-Type"
        raise InvalidRequest(f"Send the fields as multipart/form-data, not as {kind}")


AS_FORM = [Depends(expect_form)]
"""For routes whose fields come as a form."""


def the_only(uploads: Sequence[UploadFile], param: str) -> UploadFile:
    """Return the one upload of a field that may be written ``x`` or ``x[]``; `InvalidRequest` for none or more."""
    if not uploads:
        raise InvalidRequest(f"{param}: is required", param=param)
    if len(uploads) > 1:
        raise InvalidRequest(f"{param}: send one file, not {len(uploads)}", param=param)
    return uploads[0]


async def admit_picture(upload: UploadFile, settings: Settings) -> Picture:
    """Decode an uploaded picture. Raises `UnreadableImage`, `TooLarge`."""
    data = await upload.read()
    return await decoded(decode_picture, data, max_pixels=settings.max_pixels)


async def admit_masked(
    upload: UploadFile, mask: UploadFile | None, settings: Settings
) -> tuple[Picture, Image.Image | None]:
    """Decode an uploaded picture and its mask, both at once. Raises `MaskMismatch` and what `admit_picture` does.

    Of two that cannot be read the picture is blamed.
    """
    if mask is None:
        return await admit_picture(upload, settings), None
    data = await mask.read()
    picture, selected = await asyncio.gather(
        admit_picture(upload, settings),
        decoded(read_mask, data, max_pixels=settings.max_pixels),
        return_exceptions=True,
    )
    if isinstance(picture, BaseException):
        raise picture
    if isinstance(selected, BaseException):
        raise selected
    return picture, await run_in_threadpool(check_mask, selected, picture.image.size)


async def admit_sound(upload: UploadFile, settings: Settings, param: str = "file") -> Sound:
    """Decode an uploaded sound, headerless ones by their content type; no bytes at all are a sound without a sample.

    Raises `UnreadableAudio`, `TooLarge`, `InvalidRequest`, which name the field ``param``.
    """
    if upload.size == 0:
        return Sound(np.zeros(0, np.float32), RATE)
    try:
        layout = raw_layout(upload.content_type)
        return await decoded(decode_sound, upload.file, max_seconds=settings.max_audio_seconds, raw=layout)
    except Refused as error:
        error.param = param
        raise


def admit_text(text: str | None, param: str, settings: Settings) -> str | None:
    """Return ``text`` without surrounding white space, None if nothing is left; raise `TooLarge` past the limit."""
    if text is None or not text.strip():
        return None
    if len(text) > settings.max_prompt_characters:
        raise TooLarge(
            f"{param}: {len(text)} characters are more than {settings.max_prompt_characters}, the limit", param=param
        )
    check_unicode(text, param)
    return text.strip()


def check_unicode(text: str, param: str) -> None:
    """Raise `InvalidRequest` for half a surrogate pair: JSON can hold one, but no tokenizer, font or log can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequest(f"{param}: holds half a surrogate pair, which is no character", param=param) from None


def admit_plan(text: str | None) -> tuple[Operation, ...] | None:
    """Return the operations that a field holds as JSON, None if it is empty. Raises `InvalidPlan`."""
    if text is None or not text.strip():
        return None
    return parse_plan(text)
