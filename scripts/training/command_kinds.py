"""Which kinds of clauses there are, and how often each is drawn."""

from __future__ import annotations

import random
from collections.abc import Callable

from scripts.training import command_ellipses as ellipses
from scripts.training import command_finishing as finishing
from scripts.training import command_geometry as geometry
from scripts.training import command_objects as objects
from scripts.training import command_tones as tones
from scripts.training.command_clauses import Clause

KINDS: dict[str, tuple[Callable[[random.Random], Clause], float]] = {
    "generate": (objects.generate, 12),
    "replace": (objects.replace, 8),
    "remove": (objects.remove, 7),
    "restyle": (objects.restyle, 5),
    "extend": (geometry.extend, 4),
    "rotate": (geometry.rotate, 6.5),
    "flip": (geometry.flip, 3.5),
    "resize": (geometry.resize, 6),
    "crop": (geometry.crop, 5),
    "trim": (finishing.trim, 2),
    "border": (finishing.border, 3.5),
    "brightness": (tones.brightness, 4.5),
    "contrast": (tones.contrast, 3.2),
    "saturation": (tones.saturation, 3.2),
    "temperature": (tones.temperature, 3.2),
    "sharpen": (tones.sharpen, 3),
    "several": (tones.several, 2.5),
    "hue": (tones.hue, 2.2),
    "gamma": (tones.gamma, 1.8),
    "tint": (tones.tint, 2.6),
    "blur": (tones.blur, 4),
    "pixelate": (tones.pixelate, 2),
    "grayscale": (tones.grayscale, 2.6),
    "sepia": (tones.sepia, 1.5),
    "invert": (tones.invert, 1.8),
    "autocontrast": (tones.autocontrast, 2),
    "remove_background": (objects.remove_background, 2.2),
    "text": (objects.text, 5),
    "convert": (finishing.convert, 3),
    "elliptical": (ellipses.elliptical, 4),
    "shared_object": (ellipses.shared_object, 1),
    "shared_verb": (ellipses.shared_verb, 1.8),
    "put_elsewhere": (ellipses.put_elsewhere, 1.5),
}
_DRAWS = [draw for draw, _ in KINDS.values()]
_WEIGHTS = [weight for _, weight in KINDS.values()]


def draw_clause(rng: random.Random) -> Clause:
    """One clause of a kind by weight."""
    return rng.choices(_DRAWS, _WEIGHTS)[0](rng)
