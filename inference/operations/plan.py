"""A plan: an ordered list of operations; read, written, described as a grammar, carried out.

`OPERATIONS` is the vocabulary. A new operation is a class in one of this folder's modules and its name here; checking,
the grammar of constrained decoding and the published schema follow from the class.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Union

from pydantic import Field, TypeAdapter, ValidationError

from inference.engine import Engine
from inference.engines.inpainter import Inpainter
from inference.errors import InvalidPlan
from inference.events import Began
from inference.jobs import Job
from inference.operations.canvas import Canvas
from inference.operations.conversion import Convert
from inference.operations.effects import Blur, Pixelate, RemoveBackground, Sharpen
from inference.operations.generation import Extend, Generate, Remove, Replace, Restyle
from inference.operations.geometry import Border, Crop, Flip, Resize, Rotate, Trim
from inference.operations.lettering import Text
from inference.operations.operation import COLOR_SCHEMA, Operation
from inference.operations.tones import (
    Autocontrast,
    Brightness,
    Contrast,
    Gamma,
    Grayscale,
    Hue,
    Invert,
    Saturation,
    Sepia,
    Temperature,
    Tint,
)

OPERATIONS: tuple[type[Operation], ...] = (
    *(Generate, Replace, Remove, Restyle, Extend),
    *(Rotate, Flip, Resize, Crop, Trim, Border),
    *(Brightness, Contrast, Saturation, Temperature, Sharpen, Hue, Gamma, Tint),
    *(Blur, Pixelate, Grayscale, Sepia, Invert, Autocontrast, RemoveBackground),
    *(Text, Convert),
)

MOST_OPERATIONS = 8
_MOST_CHARACTERS = 65_536

AnyOperation: Any = Annotated[Union[OPERATIONS], Field(discriminator="op")]  # noqa: UP007
"""The union of the vocabulary, told apart by ``op``; for pydantic and OpenAPI."""

_ADAPTER: TypeAdapter[list[Operation]] = TypeAdapter(
    Annotated[list[AnyOperation], Field(min_length=1, max_length=MOST_OPERATIONS)]
)


def parse_plan(value: object) -> tuple[Operation, ...]:
    """Read one to eight operations from a list of mappings or its JSON. Raises `InvalidPlan` naming what is wrong."""
    if isinstance(value, str | bytes):
        if len(value) > _MOST_CHARACTERS:
            raise InvalidPlan(f"A plan has at most {_MOST_CHARACTERS} characters", param="operations")
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise InvalidPlan(f"The operations are no JSON: {error}", param="operations") from error
    try:
        return tuple(_ADAPTER.validate_python(value))
    except ValidationError as error:
        raise InvalidPlan(_explain(error), param="operations") from error
    except RecursionError as error:
        raise InvalidPlan("The operations are nested too deeply", param="operations") from error


def _explain(error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False)[:3]:
        # Of a tagged union the location repeats the tag; a reader wants index and field.
        place = [str(part) for part in problem["loc"]]
        name = f"operations[{place[0]}]" + "".join(f".{part}" for part in place[2:]) if place else "operations"
        problems.append(f"{name}: {problem['msg']}")
    text = "; ".join(problems)
    return text.encode("utf-8", "replace").decode()[:1000]


def describe_plan(operations: tuple[Operation, ...]) -> tuple[dict[str, Any], ...]:
    """Return the canonical form: ``op`` first, defaults written out, absent fields left out, whole numbers as int."""
    return tuple(
        {name: _plain(value) for name, value in operation.model_dump().items() if value is not None}
        for operation in operations
    )


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def plan_schema() -> dict[str, Any]:
    """Return the JSON schema of canonical plans: what a language model may write, with no operation as an answer, too.

    Fields come in their declared order, those with a default are required, and of fields that exclude each other each
    combination is an alternative of its own, so that what fits the schema also passes `parse_plan`.
    """
    return {
        "type": "array",
        "minItems": 0,
        "maxItems": MOST_OPERATIONS,
        "items": {"anyOf": [form for operation in OPERATIONS for form in _schemas_of(operation)]},
        "$defs": {"color": COLOR_SCHEMA},
    }


def _schemas_of(operation: type[Operation]) -> list[dict[str, Any]]:
    fields = operation.model_fields
    properties = {
        name: _schema_of(name, schema) for name, schema in operation.model_json_schema()["properties"].items()
    }
    optional = {name for name, info in fields.items() if info.default is None}
    exclusive = {name for form in operation.forms for name in form}
    schemas = []
    for form in operation.forms or ((),):
        kept = [name for name in fields if name in form or name not in exclusive]
        schemas.append(
            {
                "type": "object",
                "properties": {name: properties[name] for name in kept},
                "required": [name for name in kept if name in form or name not in optional],
                "additionalProperties": False,
            }
        )
    return schemas


def _schema_of(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Reduce a field's schema to what a grammar needs."""
    alternatives = [choice for choice in schema.get("anyOf", [schema]) if choice.get("type") != "null"]
    if name == "color":
        return {"$ref": "#/$defs/color"}
    (only,) = alternatives
    return {key: value for key, value in only.items() if key not in ("default", "title", "description")}


def check_plan(operations: tuple[Operation, ...], *, masked: bool) -> None:
    """Raise what can be refused before any work is done and without the picture, e.g. `MaskRequired`."""
    for operation in operations:
        operation.check(masked=masked)


def engines_of(operations: tuple[Operation, ...], *, masked: bool) -> tuple[type[Engine], ...]:
    """Return every engine that the plan cannot do without, each once, in the order of their first use."""
    return tuple(dict.fromkeys(engine for operation in operations for engine in operation.engines(masked=masked)))


def apply_plan(canvas: Canvas, operations: tuple[Operation, ...], job: Job[Any]) -> Canvas:
    """Carry out ``operations`` in order. Reports `Began` before each; a cancel takes effect there.

    Refuses at once what `check_plan` refuses and what lacks an engine: no minute of painting comes before a refusal
    of the last operation.
    """
    masked = canvas.mask is not None
    check_plan(operations, masked=masked)
    for engine in engines_of(operations, masked=masked):
        job.prepare(engine, canvas.options.model if engine is Inpainter else None)
    for index, operation in enumerate(operations):
        job.check()
        job.report(Began(operation.op, index, len(operations)))
        canvas = operation.apply(canvas, job)
    return canvas
