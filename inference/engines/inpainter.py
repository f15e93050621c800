"""Paints into a picture: any inpainting pipeline that diffusers can load from a local folder.

It repaints a region at the model's own resolution and gives back the whole region. Choosing the region, cutting it
out and compositing the result are `inference.operations`' part. Which pipeline class, which scheduler and how many
latent channels is read from the folder's ``model_index.json`` by diffusers, so Stable Diffusion 1.5, SDXL and the
small starter model all load the same way.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from typing import Any

from PIL import Image

from inference.engine import Engine, Verb, Weights
from inference.engines.stepping import stepping
from inference.errors import EngineFailed
from inference.events import Event, Preview, Step
from inference.hardware.device import Device

log = logging.getLogger("tawny.inpainter")

DEFAULT_STEPS = 30
DEFAULT_GUIDANCE = 7.0


class Inpainter(Engine):
    """An inpainting pipeline. Catalogue options: ``resolution`` (native side), ``steps``, ``guidance_scale``."""

    name = "inpainter"
    requires = ("torch", "diffusers", "transformers")
    library = "torch"

    def load(self, weights: Weights, device: Device) -> None:
        """Load the pipeline in ``weights.path`` onto ``device``; safetensors only, nothing from a network."""
        import torch
        from diffusers import AutoPipelineForInpainting

        parts = json.loads((weights.path / "model_index.json").read_text())
        # A filter that answers with black pictures helps nobody on a private box; what is asked for is painted.
        unfiltered = {"safety_checker": None, "requires_safety_checker": False} if "safety_checker" in parts else {}
        self._torch = torch
        self._pipeline: Any = AutoPipelineForInpainting.from_pretrained(
            weights.path,
            torch_dtype=getattr(torch, device.dtype),
            local_files_only=True,
            use_safetensors=True,
            **unfiltered,
        ).to(device.torch_name)
        self._pipeline.set_progress_bar_config(disable=True)
        if device.kind == "cpu":
            # Convolutions in bfloat16 are several times faster on the CPU with channels last.
            self._pipeline.unet.to(memory_format=torch.channels_last)
            self._pipeline.vae.to(memory_format=torch.channels_last)
        self._options = weights.options

    def inpaint(
        self,
        image: Image.Image,
        mask: Image.Image,
        prompt: str,
        *,
        negative_prompt: str = "",
        steps: int | None = None,
        guidance_scale: float | None = None,
        strength: float = 1.0,
        seed: int = 0,
        previews: int = 0,
    ) -> Verb[Image.Image]:
        """Repaint what ``mask`` selects and return the region, RGB, same size; not composited.

        ``image`` RGB with sides that are multiples of 8, ``mask`` L of the same size with 255 = repaint, ``steps`` and
        ``guidance_scale`` by default the model's own, ``strength`` in (0, 1], ``seed`` for one CPU generator, up to
        ``previews`` pictures of the work in progress. Yields `Step` and `Preview`. Raises `EngineFailed` if the model
        computes no number twice in a row.
        """
        steps = steps or int(self._options.get("steps", DEFAULT_STEPS))
        guidance = self._options.get("guidance_scale", DEFAULT_GUIDANCE) if guidance_scale is None else guidance_scale
        steps = max(steps, math.ceil(1 / strength))  # the pipeline runs steps * strength of them, at least one

        def run(emit: Callable[[Event], None]) -> Image.Image | None:
            return self._run(
                emit,
                previews,
                image=image,
                mask_image=mask,
                prompt=prompt,
                negative_prompt=negative_prompt,
                num_inference_steps=steps,
                guidance_scale=guidance,
                strength=strength,
                width=image.width,
                height=image.height,
                generator=self._torch.Generator("cpu").manual_seed(seed),
            )

        painted = yield from stepping(run)
        if painted is None:
            log.warning("the picture was no number or black; once more with the autoencoder in float32")
            self._pipeline.vae.to(dtype=self._torch.float32)
            self._pipeline.vae.config.force_upcast = True
            painted = yield from stepping(run)
        if painted is None:
            raise EngineFailed("The model computed a picture of no numbers (NaN) or pure black, twice")
        return painted

    def _run(self, emit: Callable[[Event], None], previews: int, **request: Any) -> Image.Image | None:
        """Call the pipeline once; None for a picture that is not finite, or black where the input was not."""
        total = max(1, int(request["num_inference_steps"] * request["strength"]))
        shown = {round(total * (number + 1) / (previews + 1)): number for number in range(previews)}

        def after_step(pipeline: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            emit(Step(min(step + 1, total), total))
            if step + 1 in shown and step + 1 < total:
                emit(Preview(self._decode(tensors["latents"]), shown[step + 1]))
            return tensors

        with self._torch.inference_mode():
            pixels = self._pipeline(**request, output_type="np", callback_on_step_end=after_step).images[0]
        if not bool((pixels == pixels).all()):
            return None
        if float(pixels.max()) < 1 / 255 and max(high for _, high in request["image"].getextrema()) > 8:
            return None
        painted: Image.Image = self._pipeline.image_processor.numpy_to_pil(pixels)[0]
        return painted.convert("RGB")

    def _decode(self, latents: Any) -> Image.Image:
        vae = self._pipeline.vae
        scaled = (latents / vae.config.scaling_factor).to(vae.dtype)
        image: Image.Image = self._pipeline.image_processor.postprocess(vae.decode(scaled).sample, output_type="pil")[0]
        return image.convert("RGB")
