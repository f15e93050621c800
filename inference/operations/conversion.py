"""The operation that chooses the file format of the result."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field

from inference.jobs import Job
from inference.operations.canvas import Canvas
from inference.operations.operation import AS_WHOLE, Operation


class Convert(Operation):
    """Save the result as png, jpeg or webp; quality 1..100 is for jpeg and webp."""

    op: Literal["convert"] = "convert"
    format: Literal["png", "jpeg", "webp"]
    quality: Annotated[int, Field(ge=1, le=100), AS_WHOLE] | None = None

    def told(self) -> str:
        return f"saved the picture as {self.format.upper()}"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        return replace(canvas, output_format=self.format, output_quality=self.quality)
