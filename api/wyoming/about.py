"""What the Wyoming ports say of themselves: installed models and voices, and the languages they know."""

from __future__ import annotations

from wyoming.info import AsrModel, AsrProgram, Attribution, Info, TtsProgram, TtsVoice, TtsVoiceSpeaker

from api.languages import LANGUAGES
from api.routes.system import VERSION
from inference.engines import Transcriber
from inference.runtime import Runtime

OURS = Attribution(name="Tawny", url="")


def describe_ears(runtime: Runtime) -> Info:
    """Return the transcribers that are installed, the preferred one first."""
    ready = {row["id"] for row in runtime.models() if row["state"] == "ready"}
    models = [
        AsrModel(
            name=row.id,
            attribution=OURS,
            installed=True,
            description=row.title,
            version=None,
            languages=[row.language] if row.language else list(LANGUAGES),
        )
        for row in runtime.catalogue.for_engine(Transcriber.name)
        if row.id in ready
    ]
    program = AsrProgram(
        name="tawny",
        attribution=OURS,
        installed=True,
        description="Hears",
        version=VERSION,
        models=models,
        supports_transcript_streaming=True,
    )
    return Info(asr=[program])


def describe_mouth(runtime: Runtime) -> Info:
    """Return the voices that are installed, the preferred one first."""
    voices = [
        TtsVoice(
            name=voice.id,
            attribution=OURS,
            installed=True,
            description=voice.name,
            version=None,
            languages=[tongue(voice.id, voice.language)],
            speakers=[TtsVoiceSpeaker(name=speaker) for speaker in voice.speakers] or None,
        )
        for voice in runtime.voices()
    ]
    program = TtsProgram(
        name="tawny",
        attribution=OURS,
        installed=True,
        description="Speaks",
        version=VERSION,
        voices=voices,
        supports_synthesize_streaming=True,
    )
    return Info(tts=[program])


def tongue(voice: str, language: str) -> str:
    """Return the language with its country, which a voice's id begins with: "en_US" of "en_US-joe-medium"."""
    head = voice.partition("-")[0]
    return head if head.startswith(f"{language}_") else language
