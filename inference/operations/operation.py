"""What every operation is: fields, a docstring and `apply`.

A class of this vocabulary describes itself once. Its fields are its arguments, its docstring is what a language model
and the API reference read, `told` is what an answer says, and `forms` says which of its optional fields go together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar

from PIL import ImageColor
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator

from inference.engine import Engine
from inference.jobs import Job
from inference.operations.canvas import Canvas

COLORS = tuple(sorted(ImageColor.colormap))


def _as_whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _as_color(value: object) -> object:
    if not isinstance(value, str):
        return value
    color = value.strip().lower()
    if color.startswith("#") and len(color) == 7:
        int(color[1:], 16)  # A ValueError is a refusal.
    elif color not in ImageColor.colormap:
        raise ValueError(f"{value!r} is neither a CSS colour name nor #rrggbb")
    return color


COLOR_SCHEMA = {"anyOf": [{"type": "string", "enum": list(COLORS)}, {"type": "string", "pattern": "^#[0-9a-f]{6}$"}]}
Color = Annotated[str, BeforeValidator(_as_color), WithJsonSchema(COLOR_SCHEMA)]
"""A CSS colour name or #rrggbb, in lower case."""

AS_WHOLE = BeforeValidator(_as_whole)
"""Lets an integer field take 640.0. Written after the bounds, which else do not reach the schema."""

Pixels = Annotated[int, Field(ge=1, le=65_500), AS_WHOLE]
"""A length in the picture."""

Amount = Annotated[float, Field(ge=-100, le=100)]
"""How much, in percent of what is possible."""

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^\S")]
"""What somebody said."""


class Operation(BaseModel, ABC):
    """One edit. Frozen; unknown fields and values of another type are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    forms: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Sets of optional fields, exactly one of which must be given whole and alone; empty if all are free."""

    op: str

    @abstractmethod
    def told(self) -> str:
        """Say what it did, without who did it: "turned the picture right". For an answer that is spoken."""

    @abstractmethod
    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        """Return what becomes of ``canvas``. ``job`` leases engines and hears of cancels."""

    def check(self, *, masked: bool) -> None:
        """Raise what `apply` would refuse on any picture, given whether the request has a mask; by default nothing."""

    def engines(self, *, masked: bool) -> tuple[type[Engine], ...]:
        """Return the engines without which `apply` cannot do its work, given whether the request has a mask."""
        return ()

    @model_validator(mode="after")
    def _check_forms(self) -> Operation:
        if self.forms:
            candidates = {name for form in self.forms for name in form}
            given = {name for name in candidates if getattr(self, name) is not None}
            if given not in [set(form) for form in self.forms]:
                raise ValueError("give " + ", or ".join(" and ".join(form) for form in self.forms))
        return self
