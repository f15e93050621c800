"""Sentences and their plans: what an untrained language model is shown, and what the README's table quotes.

The plans are written as the parser writes them: compact JSON, fields in declared order, defaults spelt out.
"""

from __future__ import annotations

from typing import Final

EXAMPLES: Final[tuple[tuple[str, str], ...]] = (
    ("add a dog and rotate right", '[{"op":"generate","prompt":"a dog"},{"op":"rotate","degrees":90}]'),
    ("make it a bit darker please", '[{"op":"brightness","amount":-10}]'),
    ("change the sky to a sunset", '[{"op":"replace","target":"sky","prompt":"a sunset"}]'),
    ("what's the weather like?", "[]"),
    ("get rid of the car, then crop it square", '[{"op":"remove","target":"car"},{"op":"crop","aspect":"1:1"}]'),
    ("put a boat on the left", '[{"op":"generate","prompt":"a boat","where":"left"}]'),
    ("turn it upside down and make it B&W", '[{"op":"rotate","degrees":180},{"op":"grayscale"}]'),
    ("make it half the size as a jpg", '[{"op":"resize","percent":50},{"op":"convert","format":"jpeg"}]'),
)  # fmt: skip
