"""Which installed voice a client means.

    voice = find_voice(runtime, "alloy")        # the id that `SpeakRequest` takes

A name is the id or the title of a voice, either followed by ":" and one of its speakers, or one of the names that
clients of OpenAI's API hard-code. Anything else is refused, never replaced: who asks for a voice wants that one.
"""

from __future__ import annotations

from inference.engines import Speaker
from inference.errors import UnknownVoice
from inference.runtime import Runtime

STOCK_VOICES = frozenset(
    {"alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"}
)
"""OpenAI's voices, which clients hard-code as they do model names: they mean the first installed voice, and every
answer names the voice it was spoken with."""


def find_voice(runtime: Runtime, name: str) -> str:
    """Return the voice that ``name`` means, as `SpeakRequest` takes it; raise `UnknownVoice`, or what hinders all."""
    known = runtime.voices()
    if not known:
        runtime.prepare(Speaker.name)  # says what to fetch
    head, _, speaker = name.rpartition(":")
    for voice in known:
        if name in (voice.id, voice.name):
            return voice.id
        if head in (voice.id, voice.name) and speaker in (*voice.speakers, *map(str, range(len(voice.speakers)))):
            return f"{voice.id}:{speaker}"
    if known and name.lower() in STOCK_VOICES:
        return known[0].id
    names = ", ".join(voice.id for voice in known) or "none yet; run ./scripts/fetch_models"
    raise UnknownVoice(f"There is no voice {name[:80]!r}. Installed: {names}", param="voice")
