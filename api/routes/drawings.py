"""Pictures from nothing but words, and variations of one: OpenAI's two other picture routes, on the same engine.

Fields of OpenAI's request that mean nothing here (``user``, ``quality``, ``style`` ...) are ignored.
"""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.deps import AS_FORM, WithRuntime, WithSettings, admit_picture, admit_text, the_only
from api.editing import Telling, edit_answer
from api.forms import VariationForm
from api.rendering import PictureFormat, Rendering, choose_rendering, read_size, wished_format
from api.streams import EventStream, begun, device_header, model_header, settled
from inference.engines import Inpainter
from inference.errors import InvalidRequest, TooLarge
from inference.events import Began
from inference.jobs import Job
from inference.loras import find_loras
from inference.runtime import DrawRequest, EditResult, Runtime

router = APIRouter(prefix="/v1/images", tags=["pictures"])

LONGEST_SIDE = 16_384


class Drawing(BaseModel):
    """``POST /v1/images/generations``."""

    prompt: str = Field(description="What is to be seen")
    model: str | None = Field(None, description="A model that paints")
    n: int | None = Field(1, ge=1, le=10, description="So many results, with the seeds seed, seed+1 ...")
    size: str | None = Field(None, description='"auto", the model\'s own, or "WxH"')
    output_format: PictureFormat | None = None
    output_compression: int | None = Field(None, ge=0, le=100, description="Quality of jpeg and webp")
    response_format: Literal["b64_json"] | None = None
    stream: bool | None = False
    partial_images: int | None = Field(0, ge=0, le=3, description="Pictures of the work in progress")
    seed: int | None = Field(None, ge=0, le=2**32 - 1)
    steps: int | None = Field(None, ge=1, le=150)
    guidance_scale: float | None = Field(None, ge=0, le=50, allow_inf_nan=False)
    negative_prompt: str | None = None
    lora: list[str] | str | None = Field(None, description='"name" or "name:weight"')
    require_gpu: bool = False


@router.post("/generations")
async def generate(request: Request, body: Drawing, runtime: WithRuntime, settings: WithSettings) -> Response:
    """Paint a picture of a sentence.

    The answer is as that of ``/v1/images/edits``; with ``stream`` it is ``image_generation.progress``,
    ``image_generation.partial_image`` and ``image_generation.completed`` or ``error``.
    """
    prompt = admit_text(body.prompt, "prompt", settings)
    if prompt is None:
        raise InvalidRequest("prompt: is empty", param="prompt")
    n = body.n or 1
    if body.stream and n > 1:
        raise InvalidRequest("n: a stream carries one picture; ask for one, or without stream", param="n")
    size = read_size(body.size, settings)
    if size is not None and max(size) > LONGEST_SIDE:
        raise TooLarge(f"size: a side of more than {LONGEST_SIDE} pixels is not painted", param="size")
    asked = [body.lora] if isinstance(body.lora, str) else body.lora or []
    drawing = DrawRequest(
        prompt=prompt,
        size=size,
        n=n,
        seed=body.seed,
        steps=body.steps,
        guidance_scale=body.guidance_scale,
        negative_prompt=admit_text(body.negative_prompt, "negative_prompt", settings) or "",
        previews=(body.partial_images or 0) if body.stream else 0,
        model=body.model,
        loras=await run_in_threadpool(find_loras, asked, settings.models),
        require_gpu=body.require_gpu or settings.require_gpu,
    )
    job = await _start(runtime, drawing)
    wished = wished_format(request.headers.get("accept", ""))
    rendering = choose_rendering(None, body.output_format, body.output_compression, None, wished)
    if body.stream:
        _, events = await begun(request, job, Began)
        telling = Telling(lambda result: rendering, kind="image_generation")
        return EventStream(
            job, events, telling.translate, telling.finish, device_header(job.devices) | model_header(job.models)
        )
    return await _answer(request, job, rendering, bare=wished is not None and n == 1)


@router.post("/variations", dependencies=AS_FORM)
async def vary(
    request: Request, form: Annotated[VariationForm, Depends()], runtime: WithRuntime, settings: WithSettings
) -> Response:
    """Paint a picture anew, near to what it was."""
    box = read_size(form.size, settings)
    drawing = DrawRequest(
        prompt=admit_text(form.prompt, "prompt", settings) or "",
        negative_prompt=admit_text(form.negative_prompt, "negative_prompt", settings) or "",
        loras=await run_in_threadpool(find_loras, form.lora or (), settings.models),
        picture=await admit_picture(the_only(form.image or (), "image"), settings),
        n=form.n,
        seed=form.seed,
        steps=form.steps,
        guidance_scale=form.guidance_scale,
        strength=form.strength,
        model=form.model,
        require_gpu=form.require_gpu or settings.require_gpu,
    )
    job = await _start(runtime, drawing)
    wished = wished_format(request.headers.get("accept", ""))
    rendering = choose_rendering(None, form.output_format, form.output_compression, box, wished)
    return await _answer(request, job, rendering, bare=wished is not None and form.n == 1)


async def _start(runtime: Runtime, drawing: DrawRequest) -> Job[EditResult]:
    """Start the work after everything that could refuse it has had its say."""
    await run_in_threadpool(runtime.prepare, Inpainter.name, drawing.model, require_gpu=drawing.require_gpu)
    return runtime.draw(drawing)


async def _answer(request: Request, job: Job[EditResult], rendering: Rendering, *, bare: bool) -> Response:
    result = await settled(request, job)
    files = [await run_in_threadpool(rendering.render, edited) for edited in result.pictures]
    headers = device_header(job.devices) | model_header(job.models)
    if bare:
        headers["x-tawny-seed"] = str(result.pictures[0].seed)
        return Response(files[0][0], media_type=f"image/{rendering.format}", headers=headers)
    pictures = [(data, edited.seed) for (data, _), edited in zip(files, result.pictures, strict=True)]
    told: dict[str, Any] = {"output_format": rendering.format, "size": files[0][1]}
    return JSONResponse(edit_answer(time.time(), pictures, {}, told), headers=headers)
