"""What a ControlNet is shown: the edges, the depth or the unmasked part of a picture.

control_image = make_control("canny", image, mask, weights, device)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from inference.engine import Weights
from inference.hardware.device import Device

KINDS = ("canny", "depth", "inpaint")
LOW, HIGH = 100.0, 200.0
"""The two thresholds of the edge detector that the published models were trained with, at a full scale of 255."""

Control = Callable[[Image.Image, Image.Image], Any]


def make_control(kind: str, weights: Weights, device: Device) -> Control:
    """Return what makes a control picture of (image RGB, mask L): an RGB picture, or for "inpaint" a tensor.

    "depth" needs a model that estimates depth, the row's part ``depth``. Raises ``ValueError`` for another kind.
    """
    if kind == "canny":
        return lambda image, mask: draw_edges(image)
    if kind == "inpaint":
        return _hide_masked
    if kind == "depth":
        return _Depth(weights, device)
    raise ValueError(f"a ControlNet is one of {', '.join(KINDS)}, not {kind!r}")


def draw_edges(image: Image.Image) -> Image.Image:
    """Return the edges of ``image`` white on black, RGB, same size: Canny's detector (1986)."""
    grey = np.asarray(image.convert("L").filter(ImageFilter.GaussianBlur(1.0))).astype(np.float32)
    padded = np.pad(grey, 1, mode="edge")
    # Sobel: differences across, weighted 1 2 1 along.
    along = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    across = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    x, y = along[:, 2:] - along[:, :-2], across[2:] - across[:-2]
    strength = np.hypot(x, y)
    thin = strength * _is_ridge(strength, x, y)
    edges = _hold_together(thin >= HIGH, thin >= LOW)
    return Image.fromarray(np.where(edges, 255, 0).astype(np.uint8), "L").convert("RGB")


def _is_ridge(strength: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where no neighbour across the edge is stronger."""
    height, width = strength.shape
    around = np.pad(strength, 1)
    sector = np.round(np.arctan2(y, x) / (np.pi / 4)).astype(int) % 4
    ridge = np.zeros(strength.shape, np.bool_)
    for number, (row, column) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        ahead = around[1 + row : 1 + row + height, 1 + column : 1 + column + width]
        behind = around[1 - row : 1 - row + height, 1 - column : 1 - column + width]
        ridge |= (sector == number) & (strength > behind) & (strength >= ahead)
    return ridge


def _hold_together(sure: NDArray[np.bool_], likely: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the likely pixels that hang together with a sure one."""
    edges = sure
    while True:
        around = np.pad(edges, 1)
        wider = np.zeros_like(edges)
        for row in range(3):
            for column in range(3):
                wider |= around[row : row + edges.shape[0], column : column + edges.shape[1]]
        wider &= likely | edges
        if (wider == edges).all():
            return edges
        edges = wider


def _hide_masked(image: Image.Image, mask: Image.Image) -> Any:
    """Return the picture in [0, 1], shape (1, 3, height, width), with -1 where the mask is: what this model reads."""
    import torch

    pixels = np.asarray(image.convert("RGB")).astype(np.float32) / 255
    pixels[np.asarray(mask) > 127] = -1.0
    return torch.from_numpy(pixels.transpose(2, 0, 1)[None])


class _Depth:
    """Near is bright, far is dark."""

    def __init__(self, weights: Weights, device: Device) -> None:
        import torch
        from transformers import AutoImageProcessor, AutoModelForDepthEstimation

        folder = weights.parts["depth"]
        self._processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
        self._model = AutoModelForDepthEstimation.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, use_safetensors=True
        )
        self._model.to(device.torch_name).eval()

    def __call__(self, image: Image.Image, mask: Image.Image) -> Image.Image:
        import torch

        inputs = self._processor(images=image, return_tensors="pt").to(self._model.device)
        with torch.inference_mode():
            depth = self._model(**inputs).predicted_depth[0].float().cpu().numpy()
        low, high = float(depth.min()), float(depth.max())
        level = (depth - low) / max(high - low, 1e-6) * 255
        grey = Image.fromarray(np.nan_to_num(level).round().astype(np.uint8), "L")
        return grey.resize(image.size, Image.Resampling.BICUBIC).convert("RGB")
