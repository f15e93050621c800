"""The edit vocabulary: what people say to a picture, as an ordered list of operations.

    plan = parse_plan('[{"op": "rotate", "degrees": 90}, {"op": "grayscale"}]')
    canvas = apply_plan(Canvas(picture.image), plan, job)

Where things are:

    operation.py    the class that all share; kinds of fields
    canvas.py       what they work on: picture, mask, painting options
    geometry.py     rotate flip resize crop trim border
    tones.py        brightness contrast saturation temperature hue gamma tint grayscale sepia invert autocontrast
    effects.py      sharpen blur pixelate remove_background
    lettering.py    text
    conversion.py   convert
    generation.py   generate replace remove restyle extend
    painting.py     a region of the picture, through the inpainter and back
    places.py       words -> masks
    finding.py      subject, faces, named things, through the engines that find them
    sky.py          where the sky is
    ground.py       where the ground is
    examples.py     sentences and their plans
    plan.py         the vocabulary as a whole: read, describe, grammar, carry out

A mask of the request says where the picture may change: tones, effects and painting stay inside it; what turns, cuts
or scales takes it along. Nothing here imports an inference library; engines are leased through the job.
"""

from inference.operations.canvas import Canvas, PaintOptions
from inference.operations.operation import Operation
from inference.operations.plan import (
    OPERATIONS,
    AnyOperation,
    apply_plan,
    check_plan,
    describe_plan,
    engines_of,
    parse_plan,
    plan_schema,
)

__all__ = [
    "OPERATIONS",
    "AnyOperation",
    "Canvas",
    "Operation",
    "PaintOptions",
    "apply_plan",
    "check_plan",
    "describe_plan",
    "engines_of",
    "parse_plan",
    "plan_schema",
]
