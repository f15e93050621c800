"""Paints into a picture: any inpainting pipeline that diffusers can load from a local folder.

It repaints a region at the model's own resolution and gives back the whole region. Choosing the region, cutting it
out and compositing the result are `inference.operations`' part. Which pipeline class, which scheduler and how many
latent channels is read from the folder's ``model_index.json`` by diffusers, so Stable Diffusion 1.5, SDXL and the
small starter model all load the same way. A row of the catalogue may be an adapter of another: a LoRA that needs few
steps with a scheduler of its own (LCM, Lightning), or a ControlNet.
"""

from __future__ import annotations

import functools
import json
import logging
import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.engine import Engine, Verb, Weights
from inference.engines.adapters import Adapters
from inference.engines.control import make_control
from inference.engines.cutting import find_matte
from inference.engines.stepping import stepping
from inference.errors import EngineFailed
from inference.events import Event, Preview, Step
from inference.hardware.device import Device
from inference.hardware.tuning import switch_miopen
from inference.loras import Lora

log = logging.getLogger("tawny.inpainter")

DEFAULT_STEPS = 30
DEFAULT_GUIDANCE = 7.0
SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "lcm": ("LCMScheduler", {}),
    # SDXL-Lightning's card: full steps from the last timestep downwards.
    "euler-trailing": ("EulerDiscreteScheduler", {"timestep_spacing": "trailing"}),
}
"""Schedulers that a row of the catalogue may ask for instead of the folder's own."""
_BLACK = 2
"""Levels of 255 up to which a pixel counts as black."""


class Inpainter(Engine):
    """An inpainting pipeline.

    Catalogue options: ``resolution`` (native side), ``steps``, ``guidance_scale``, ``scheduler`` (of `SCHEDULERS`),
    ``cuts_out`` (what it paints can be told from what it continues, see ``cutting.py``).
    A row with a base is an adapter: ``lora`` names its file, or ``controlnet`` says what it is shown (canny, depth,
    inpaint) and ``control_scale`` how strictly it is followed.
    """

    name = "inpainter"
    requires = ("torch", "diffusers", "transformers")
    library = "torch"

    def load(self, weights: Weights, device: Device) -> None:
        """Load the pipeline in ``weights.path``, or its base with it as an adapter, onto ``device``.

        Safetensors only, nothing from a network.
        """
        import diffusers
        import torch
        from diffusers.utils.logging import disable_progress_bar, set_verbosity_error

        switch_miopen(os.environ)
        disable_progress_bar()
        set_verbosity_error()  # it warns of every autoencoder that is not AutoencoderKL
        self._torch = torch
        self._options = options = weights.options
        folder = weights.base or weights.path
        dtype = getattr(torch, device.dtype)
        local = {"dtype": dtype, "local_files_only": True, "use_safetensors": True}
        more: dict[str, Any] = {}
        # A filter that answers with black pictures helps nobody on a private box; what is asked for is painted.
        if "safety_checker" in json.loads((folder / "model_index.json").read_text()):
            more |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
        self._control = None
        if "controlnet" in options:
            more["controlnet"] = diffusers.ControlNetModel.from_pretrained(weights.path, **local)
            self._control = make_control(options["controlnet"], weights, device)
        pipeline = diffusers.AutoPipelineForInpainting.from_pretrained(folder, **local, **more)
        if "scheduler" in options:
            kind, changes = SCHEDULERS[options["scheduler"]]
            pipeline.scheduler = getattr(diffusers, kind).from_config(pipeline.scheduler.config, **changes)
        self._pipeline: Any = pipeline.to(device.torch_name)
        self._pipeline.set_progress_bar_config(disable=True)
        if device.kind == "cpu":
            # Convolutions in bfloat16 are several times faster on the CPU with channels last.
            self._pipeline.unet.to(memory_format=torch.channels_last)
            self._pipeline.vae.to(memory_format=torch.channels_last)
        _let_encode_in_float32(self._pipeline.vae, dtype)
        self._adapters = Adapters(self._pipeline, (weights.path, options["lora"]) if "lora" in options else None)
        if device.kind == "gpu":
            self._warm()

    def _warm(self) -> None:
        """Paint once for nothing at the native size: a GPU's libraries look for kernels at every new shape."""
        side = int(self._options.get("resolution", 512))
        blank = Image.new("RGB", (side, side), (128, 128, 128))
        for _ in self.inpaint(blank, Image.new("L", blank.size, 255), "", steps=2):
            pass

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
        loras: tuple[Lora, ...] = (),
        cut_out: bool = False,
    ) -> Verb[Image.Image]:
        """Repaint what ``mask`` selects and return the region, RGB, same size; not composited.

        ``image`` RGB with sides that are multiples of 8, ``mask`` L of the same size with 255 = repaint, ``steps`` and
        ``guidance_scale`` by default the model's own, ``strength`` in (0, 1], ``seed`` for one CPU generator, up to
        ``previews`` pictures of the work in progress, ``loras`` adapters that act in this call alone. Yields `Step` and
        `Preview`. Raises `EngineFailed` if the model computes no numbers, also with the autoencoder in float32, and
        `InvalidRequest` for a LoRA that does not fit.

        With ``cut_out``, a model whose row of the catalogue says ``cuts_out`` paints nothing as well and returns RGBA:
        opaque where it painted a thing, transparent where it only continued the surroundings.
        """
        steps = steps or int(self._options.get("steps", DEFAULT_STEPS))
        guidance = self._options.get("guidance_scale", DEFAULT_GUIDANCE) if guidance_scale is None else guidance_scale
        steps = max(steps, math.ceil(1 / strength))  # the pipeline runs steps * strength of them, at least one

        self._adapters.use(loras)
        shown: dict[str, Any] = {"image": image, "mask_image": mask}
        if self._control is not None:
            scale = float(self._options.get("control_scale", 1.0))
            shown |= {"control_image": self._control(image, mask), "controlnet_conditioning_scale": scale}

        def request(**words: Any) -> dict[str, Any]:
            return (
                shown
                | words
                | {
                    "num_inference_steps": steps,
                    "strength": strength,
                    "width": image.width,
                    "height": image.height,
                    "generator": self._torch.Generator("cpu").manual_seed(seed),
                }
            )

        def run(emit: Callable[[Event], None]) -> Any:
            asked = request(prompt=prompt, negative_prompt=negative_prompt, guidance_scale=guidance)
            return self._run(emit, previews, **asked)

        def run_for_nothing(emit: Callable[[Event], None]) -> Any:
            # The steps that were asked for are done; these are told as the last, each a chance to stop.
            return self._run(
                lambda event: emit(Step(event.steps, event.steps)) if isinstance(event, Step) else None,
                0,
                **request(prompt="", negative_prompt="", guidance_scale=1.0),
            )

        bright = int(np.asarray(image).max()) > _BLACK
        latents = yield from stepping(run)
        painted = self._decode(latents)
        if not _is_sound(painted, bright):
            # Autoencoders in half precision overflow on some pictures: once more in float32. If it is the decoder
            # that overflowed, the same latents will do; what was encoded to no numbers is painted anew.
            log.warning("the autoencoder gave no numbers or black; once more in float32")
            self._pipeline.vae.to(dtype=self._torch.float32)
            if not bool(self._torch.isfinite(latents).all()):
                latents = yield from stepping(run)
            painted = self._decode(latents)
        if not _is_sound(painted, bright):
            raise EngineFailed("The model computed a picture of no numbers (NaN) or pure black")
        picture = _to_image(painted)
        if cut_out and prompt and self._options.get("cuts_out"):
            ground = self._decode((yield from stepping(run_for_nothing)))
            matte = find_matte(picture, _to_image(ground), mask) if _is_sound(ground, bright) else None
            if matte is not None:
                picture.putalpha(matte)
        return picture

    def _run(self, emit: Callable[[Event], None], previews: int, **request: Any) -> Any:
        """Call the pipeline once and return its latents, shape (1, channels, height, width)."""
        total = max(1, int(request["num_inference_steps"] * request["strength"]))
        shown = {round(total * (number + 1) / (previews + 1)): number for number in range(previews)}
        scheduler = self._pipeline.scheduler
        foreseen: list[Any] = []
        step_once = scheduler.step

        @functools.wraps(step_once)
        def step_and_keep(*args: Any, **kwargs: Any) -> Any:
            answer = step_once(*args, **kwargs)
            # Most schedulers tell, besides the next latents, what the last ones are expected to be: no noise in them.
            foreseen[:] = answer[1:2] if isinstance(answer, tuple) else []
            return answer

        def after_step(pipeline: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            emit(Step(min(step + 1, total), total))
            if step + 1 in shown and step + 1 < total:
                (clean,) = foreseen or (tensors["latents"],)
                emit(Preview(_to_image(self._decode(clean)), shown[step + 1]))
            return tensors

        scheduler.step = step_and_keep
        try:
            with self._torch.inference_mode():
                return self._pipeline(**request, output_type="latent", callback_on_step_end=after_step).images
        finally:
            del scheduler.step  # the class's own is there again

    def _decode(self, latents: Any) -> NDArray[np.float32]:
        """Return ``latents`` as pixels, float32 in [0, 1], shape (height, width, 3); NaN stays NaN."""
        vae = self._pipeline.vae
        scaled = (latents / vae.config.scaling_factor).to(vae.dtype)
        with self._torch.inference_mode():
            # .float() first: numpy has no bfloat16.
            decoded = vae.decode(scaled, return_dict=False)[0][0].float().cpu()
        pixels: NDArray[np.float32] = (decoded / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).numpy()
        return pixels


def _let_encode_in_float32(vae: Any, dtype: Any) -> None:
    """Let a pipeline in ``dtype`` go on encoding after its autoencoder alone was moved to float32."""
    encode = vae.encode

    @functools.wraps(encode)
    def encode_as_it_is(pixels: Any, *args: Any, **kwargs: Any) -> Any:
        answer = encode(pixels.to(vae.dtype), *args, **kwargs)
        if vae.dtype != dtype:
            if hasattr(answer, "latent_dist"):
                answer.latent_dist = type(answer.latent_dist)(answer.latent_dist.parameters.to(dtype))
            else:
                answer.latents = answer.latents.to(dtype)
        return answer

    vae.encode = encode_as_it_is


def _is_sound(pixels: NDArray[np.float32], bright: bool) -> bool:
    return bool(np.isfinite(pixels).all()) and (not bright or float(pixels.max()) > _BLACK / 255)


def _to_image(pixels: NDArray[np.float32]) -> Image.Image:
    return Image.fromarray((np.nan_to_num(pixels) * 255).round().astype(np.uint8), "RGB")
