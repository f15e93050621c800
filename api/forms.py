"""The fields of multipart requests, as FastAPI reads and documents them. What they mean is the routes' part."""

# No `from __future__ import annotations` here: FastAPI reads a class's annotations as they are.
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import File, Form, UploadFile

from api.rendering import PictureFormat

Texts = list[str] | None
Uploads = list[UploadFile] | None
Granularity = Literal["word", "segment"]
TranscriptFormat = Literal["json", "text", "srt", "vtt", "verbose_json"]


@dataclass(frozen=True)
class EditForm:
    """``POST /v1/images/edits``."""

    image: Annotated[Uploads, File(description="The picture")] = None
    images: Annotated[Uploads, File(alias="image[]", description="The picture, under its other name")] = None
    prompt: Annotated[str | None, Form(description='The command, such as "add a dog and rotate right"')] = None
    mask: Annotated[UploadFile | None, File(description="Where to paint: white, or alpha 0")] = None
    n: Annotated[int, Form(ge=1, le=10, description="So many results, with the seeds seed, seed+1 ...")] = 1
    size: Annotated[str | None, Form(description='"auto", or "WxH": the result is fitted into it, ratio kept')] = None
    output_format: Annotated[PictureFormat | None, Form()] = None
    output_compression: Annotated[int | None, Form(ge=0, le=100, description="Quality of jpeg and webp")] = None
    response_format: Annotated[Literal["b64_json"] | None, Form()] = None
    stream: Annotated[bool, Form()] = False
    partial_images: Annotated[int, Form(ge=0, le=3, description="Pictures of the work in progress")] = 0
    model: Annotated[str | None, Form(description="A model that paints")] = None
    operations: Annotated[str | None, Form(description="A plan as a JSON list: skips the parser")] = None
    audio: Annotated[UploadFile | None, File(description="A spoken command instead of a prompt")] = None
    answer_voice: Annotated[str | None, Form(description="A voice that says what was done")] = None
    seed: Annotated[int | None, Form(ge=0, le=2**32 - 1)] = None
    steps: Annotated[int | None, Form(ge=1, le=150)] = None
    guidance_scale: Annotated[float | None, Form(ge=0, le=50, allow_inf_nan=False)] = None
    strength: Annotated[float | None, Form(gt=0, le=1, allow_inf_nan=False)] = None
    negative_prompt: Annotated[str | None, Form()] = None
    lora: Annotated[Texts, Form(description='"name" or "name:weight", a file of loras/; repeatable')] = None
    require_gpu: Annotated[bool, Form(description="503 instead of the CPU")] = False


@dataclass(frozen=True)
class VariationForm:
    """``POST /v1/images/variations``."""

    image: Annotated[Uploads, File(description="The picture")] = None
    n: Annotated[int, Form(ge=1, le=10, description="So many results, with the seeds seed, seed+1 ...")] = 1
    size: Annotated[str | None, Form(description='"auto", or "WxH": the result is fitted into it, ratio kept')] = None
    output_format: Annotated[PictureFormat | None, Form()] = None
    output_compression: Annotated[int | None, Form(ge=0, le=100, description="Quality of jpeg and webp")] = None
    response_format: Annotated[Literal["b64_json"] | None, Form()] = None
    model: Annotated[str | None, Form(description="A model that paints")] = None
    prompt: Annotated[str | None, Form(description="What it is to become, if anything")] = None
    seed: Annotated[int | None, Form(ge=0, le=2**32 - 1)] = None
    steps: Annotated[int | None, Form(ge=1, le=150)] = None
    guidance_scale: Annotated[float | None, Form(ge=0, le=50, allow_inf_nan=False)] = None
    strength: Annotated[float | None, Form(gt=0, le=1, allow_inf_nan=False, description="0.7 unless said")] = None
    negative_prompt: Annotated[str | None, Form()] = None
    lora: Annotated[Texts, Form(description='"name" or "name:weight"; repeatable')] = None
    require_gpu: Annotated[bool, Form(description="503 instead of the CPU")] = False


@dataclass(frozen=True)
class TranscriptionForm:
    """``POST /v1/audio/transcriptions``."""

    file: Annotated[Uploads, File(description="Whatever FFmpeg decodes")] = None
    model: Annotated[str | None, Form(description="A model that hears")] = None
    language: Annotated[str | None, Form(description="A code such as en; detected if absent")] = None
    prompt: Annotated[str | None, Form(description="Text that came before")] = None
    hotwords: Annotated[str | None, Form(description="Words to expect")] = None
    response_format: Annotated[TranscriptFormat, Form()] = "json"
    temperature: Annotated[float, Form(ge=0, le=1, allow_inf_nan=False)] = 0.0
    granularities: Annotated[list[Granularity] | None, Form(alias="timestamp_granularities[]")] = None
    granularities_plain: Annotated[list[Granularity] | None, Form(alias="timestamp_granularities")] = None
    stream: Annotated[bool, Form()] = False
    vad_filter: Annotated[bool, Form(description="Skip silence")] = False
    require_gpu: Annotated[bool, Form(description="503 instead of the CPU")] = False
