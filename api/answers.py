"""The spoken answer to an edit: what was done, as one sentence, said by a voice.

    answer = Answer(runtime, find_voice(runtime, "alloy"), require_gpu=False)
    told = await answer.give(result.operations)     # {"text": "Added a dog.", "audio": "//uQ...", ...}

The picture is done by then, so nothing that hinders the voice may cost it: the text is there in any case.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool

from api.streams import base64_text
from inference.errors import Cancelled, TawnyError
from inference.events import Spoke
from inference.operations import parse_plan
from inference.operations.telling import tell_plan
from inference.runtime import Runtime, SpeakRequest
from inference.sounds import SoundFormat, encode_sound

log = logging.getLogger("tawny")

FORMAT: SoundFormat = "mp3"


class Answer:
    """Speaks with one voice, which has been found to be there."""

    def __init__(self, runtime: Runtime, voice: str, *, require_gpu: bool) -> None:
        self._runtime = runtime
        self._voice = voice
        self._require_gpu = require_gpu

    async def give(self, operations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return ``text``, ``voice``, ``format`` and ``audio`` in base64; ``audio`` is None where the voice failed."""
        text = tell_plan(await run_in_threadpool(parse_plan, [dict(operation) for operation in operations]))
        told = {"text": text, "voice": self._voice, "format": FORMAT, "audio": None}
        try:
            told["audio"] = base64_text(await self._speak(text))
        except Cancelled:
            raise
        except TawnyError as error:
            log.warning("the answer could not be spoken: %s", error.message)
        return told

    async def _speak(self, text: str) -> bytes:
        job = self._runtime.speak(SpeakRequest(text, self._voice, require_gpu=self._require_gpu))
        try:
            spoken = [event async for event in job.events() if isinstance(event, Spoke)]
            await job.result()
        finally:
            job.cancel()  # the client may have left
        rate = spoken[0].rate if spoken else 22_050
        return await run_in_threadpool(encode_sound, b"".join(event.samples for event in spoken), rate, FORMAT)
