"""Finds what words name, as a mask: CLIPSeg, or Grounding DINO with SAM, through transformers.

CLIPSeg reads words and picture together and answers with one rough mask. Grounding DINO answers with boxes, and SAM
cuts out what is in each. Which of them a folder holds is read from its ``config.json``; what a mask is good for is
`inference.operations`' part.
"""

from __future__ import annotations

import json
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.engine import Engine, Verb, Weights
from inference.errors import InvalidRequest
from inference.events import Step
from inference.hardware.device import Device

LEAST_SIDE = 16


class Segmenter(Engine):
    """A model that turns words into a mask.

    Catalogue options: ``threshold``, how sure it must be (CLIPSeg: of a pixel, Grounding DINO: of a box). Grounding
    DINO's row names SAM's as its part ``sam``.
    """

    name = "segmenter"
    requires = ("torch", "transformers")
    library = "torch"
    optional = True
    instead = ("mask", "Or send a mask that says where it is: then nothing needs finding")

    def load(self, weights: Weights, device: Device) -> None:
        """Load what ``weights.path`` holds; safetensors only, nothing from a network, no code of the folder's own."""
        from transformers.utils import logging

        logging.disable_progress_bar()
        kind = json.loads((weights.path / "config.json").read_text())["model_type"]
        if kind not in _KINDS:
            raise InvalidRequest(f"{weights.id} is a {kind}, which finds nothing by words", param="model")
        self._finder: _Finder = _KINDS[kind](weights, device)

    def find(self, image: Image.Image, words: str) -> Verb[Image.Image]:
        """Return where ``words`` are in ``image`` (RGB, any size): L, same size, 0 and 255; all 0 if nowhere."""
        yield Step(0, 1)
        # transformers 5.23 takes a side of 1 or 3 pixels for the colours.
        shown = image.resize((max(image.width, LEAST_SIDE), max(image.height, LEAST_SIDE)))
        found = self._finder.find(shown, words)
        yield Step(1, 1)
        mask = Image.fromarray(np.where(found, 255, 0).astype(np.uint8), "L")
        return mask if mask.size == image.size else mask.resize(image.size, Image.Resampling.NEAREST)


class _Finder(Protocol):
    def find(self, image: Image.Image, words: str) -> NDArray[np.bool_]:
        """Return the marks, shape (height, width)."""


class _ClipSeg:
    def __init__(self, weights: Weights, device: Device) -> None:
        from transformers import AutoProcessor, CLIPSegForImageSegmentation

        self._processor = AutoProcessor.from_pretrained(weights.path, local_files_only=True)
        self._model = _load(CLIPSegForImageSegmentation, weights.path, device)
        self._threshold = float(weights.options.get("threshold", 0.4))

    def find(self, image: Image.Image, words: str) -> NDArray[np.bool_]:
        import torch

        inputs = self._processor(text=[words], images=[image], return_tensors="pt", padding=True, truncation=True)
        inputs = inputs.to(self._model.device)
        inputs["pixel_values"] = inputs["pixel_values"].to(self._model.dtype)
        with torch.inference_mode():
            logits = self._model(**inputs).logits
        sure = logits.float().sigmoid().cpu().reshape(logits.shape[-2:]).numpy()
        # Smoothly to the picture's size first, so that the edge is no staircase.
        rough = Image.fromarray(np.nan_to_num(sure).astype(np.float32), "F")
        return np.asarray(rough.resize(image.size, Image.Resampling.BILINEAR)) >= self._threshold


class _Grounded:
    def __init__(self, weights: Weights, device: Device) -> None:
        from transformers import AutoProcessor, GroundingDinoForObjectDetection, SamModel, SamProcessor

        self._processor = AutoProcessor.from_pretrained(weights.path, local_files_only=True)
        self._model = _load(GroundingDinoForObjectDetection, weights.path, device, "float32")
        self._cutter = _load(SamModel, weights.parts["sam"], device, "float32")
        self._cutter_processor = SamProcessor.from_pretrained(weights.parts["sam"], local_files_only=True)
        self._threshold = float(weights.options.get("threshold", 0.3))

    def find(self, image: Image.Image, words: str) -> NDArray[np.bool_]:
        import torch

        found = np.zeros((image.height, image.width), np.bool_)
        # The model was trained on phrases in lower case that end in a full stop.
        phrase = words.lower().replace(".", " ").strip() + "."
        most = self._model.config.max_text_len
        inputs = self._processor(images=image, text=phrase, return_tensors="pt", truncation=True, max_length=most)
        inputs = inputs.to(self._model.device)
        with torch.inference_mode():
            outputs = self._model(**inputs)
        (answer,) = self._processor.post_process_grounded_object_detection(
            outputs, inputs["input_ids"], threshold=self._threshold, target_sizes=[(image.height, image.width)]
        )
        boxes = answer["boxes"].float().cpu()
        boxes[:, 0::2] = boxes[:, 0::2].clamp(0, image.width)
        boxes[:, 1::2] = boxes[:, 1::2].clamp(0, image.height)
        if not len(boxes):
            return found
        shown = self._cutter_processor(image, input_boxes=[boxes.tolist()], return_tensors="pt")
        sizes = shown.pop("original_sizes"), shown.pop("reshaped_input_sizes")
        with torch.inference_mode():
            cut = self._cutter(**shown.to(self._cutter.device, self._cutter.dtype))
        (masks,) = self._cutter_processor.image_processor.post_process_masks(cut.pred_masks.float().cpu(), *sizes)
        # Of the three masks that SAM offers for a box (a part, a thing, a group) the one it trusts most.
        best = cut.iou_scores[0].argmax(dim=-1).cpu()
        for number, mask in enumerate(masks):
            found |= mask[best[number]].numpy().astype(np.bool_)
        return found


def _load(kind: Any, path: Any, device: Device, dtype: str | None = None) -> Any:
    import torch

    model = kind.from_pretrained(
        path, dtype=getattr(torch, dtype or device.dtype), local_files_only=True, use_safetensors=True
    )
    return model.to(device.torch_name).eval()


_KINDS: dict[str, Any] = {"clipseg": _ClipSeg, "grounding-dino": _Grounded}
