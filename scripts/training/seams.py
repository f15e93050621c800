"""How much a painted patch shows: the step across the mask's edge, the grain inside it, the difference from the truth.

All compare a patch with its own surroundings, so 1 means "as outside". Knows nothing of models.

>>> measure_seam(after, mask).step
1.3
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from scripts.training.scenes import Picture

NEAR = 12


@dataclass
class Seam:
    """`step`: mean difference of light between neighbours on either side of the mask's edge, over that of neighbours
    just outside (1 = as outside, more = a visible step). `grain`: strength of fine structure just inside the edge over
    that just outside (1 = alike, less = too smooth)."""

    step: float
    grain: float


def widen(mask: npt.NDArray[np.bool_], reach: int) -> npt.NDArray[np.bool_]:
    """The mask and everything within `reach` pixels of it (a square's reach)."""
    stack = torch.from_numpy(mask).float()[None, None]
    wide = functional.max_pool2d(stack, 2 * reach + 1, 1, reach)[0, 0].numpy() > 0
    return np.asarray(wide)


def measure_seam(after: Picture, mask: npt.NDArray[np.bool_]) -> Seam:
    """Measure a picture (height, width, 3; 0..1) that was painted where the mask is true."""
    light = after.mean(-1)
    outside = widen(mask, NEAR) & ~mask
    inside = mask & widen(~mask, NEAR)
    across, along = [], []
    for axis in (0, 1):
        steps = np.abs(np.diff(light, axis=axis))
        ahead, behind = (slice(None, -1), slice(1, None))
        first = (ahead, slice(None)) if axis == 0 else (slice(None), ahead)
        second = (behind, slice(None)) if axis == 0 else (slice(None), behind)
        across.append(steps[mask[first] != mask[second]])
        along.append(steps[outside[first] & outside[second]])
    stack = torch.from_numpy(np.ascontiguousarray(light, np.float32))[None, None]
    fine = np.abs((stack - functional.avg_pool2d(stack, 9, 1, 4, count_include_pad=False))[0, 0].numpy())
    # Away from the edge itself, whose step would count as grain.
    inner, outer = inside & ~widen(~mask, 4), outside & ~widen(mask, 4)
    step = float(np.concatenate(across).mean() / max(np.concatenate(along).mean(), 1e-3))
    return Seam(step, float(fine[inner].mean() / max(float(fine[outer].mean()), 1e-3)))


def measure_likeness(before: Picture, after: Picture, mask: npt.NDArray[np.bool_]) -> float:
    """Peak signal to noise ratio, in dB, of what was painted against what was there."""
    error = float(((before - after)[mask] ** 2).mean())
    return float(-10 * np.log10(max(error, 1e-10)))
