"""The picture routes under requests that nobody thought of: whatever comes, it gets an answer of ours, never a 500."""

from __future__ import annotations

import json
from typing import Any

import httpx
import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, strategies

from inference.operations import OPERATIONS
from tests.fakes import Gateway, photo, png

ERRORS = {"message", "type", "param", "code"}

# Examples are drawn the same way each time: what is found here becomes a test of its own, not a surprise elsewhere.
BOUNDED = hypothesis.settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def check(status: int, text: str) -> None:
    """Raise unless this is an answer, or a refusal in the one form; 503 is for a GPU that is asked for."""
    assert status < 500 or status == 503, text
    if status >= 400:
        error = json.loads(text)["error"]
        assert set(error) == ERRORS and error["message"] and error["code"]
        assert status != 503 or error["code"] == "gpu_required"


@pytest.mark.parametrize("route", ["edits", "plans", "generations", "variations"])
def test_requests_drawn_from_the_schema_that_the_server_gives(gateway: Gateway, route: str) -> None:
    schema = schemathesis.openapi.from_url(f"{gateway.url}/openapi.json")
    operation = schema[f"/v1/images/{route}"]["POST"]

    @BOUNDED
    @hypothesis.given(case=operation.as_strategy() | operation.as_strategy(schemathesis.GenerationMode.NEGATIVE))
    def ask(case: schemathesis.Case[Any]) -> None:
        response = case.call(timeout=30)
        check(response.status_code, response.text if response.status_code >= 400 else "")

    ask()


JSON = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner, max_size=4) | strategies.dictionaries(strategies.text(), inner, max_size=4),
    max_leaves=12,
)
WORDS = strategies.text(max_size=60) | strategies.sampled_from(["", "1", "-1", "nan", "1e999", "64x64", "true", "[]"])
FIELDS = [
    "prompt",
    "mask",
    "n",
    "size",
    "output_format",
    "output_compression",
    "response_format",
    "stream",
    "partial_images",
    "model",
    "operations",
    "audio",
    "seed",
    "steps",
    "guidance_scale",
    "strength",
    "negative_prompt",
    "lora",
    "require_gpu",
    "answer_voice",
]
KINDS = {operation.model_fields["op"].default: operation for operation in OPERATIONS}
NUMBERS = strategies.integers(1, 90) | strategies.integers(-200, 3000) | strategies.floats(-100, 100)
VALUES: dict[str, Any] = {
    **dict.fromkeys(("prompt", "content"), WORDS | strategies.just("a dog")),
    **dict.fromkeys(("where", "target"), strategies.sampled_from(["background", "sky", "top", "left", "the cup"])),
    "side": strategies.sampled_from(["left", "right", "top", "bottom", "all"]),
    "axis": strategies.sampled_from(["horizontal", "vertical"]),
    "to": strategies.sampled_from(["subject", "face"]),
    "aspect": strategies.sampled_from(["1:1", "16:9", "1:9999"]),
    "color": strategies.sampled_from(["teal", "#ff0000", "no colour"]),
    "format": strategies.sampled_from(["png", "jpeg", "webp", "gif"]),
}
STEPS = strategies.fixed_dictionaries(
    {"op": strategies.sampled_from(sorted(KINDS))},
    optional={name: NUMBERS | strategies.floats() | WORDS for name in ("degrees", "width", *VALUES)},
)


@strategies.composite
def good_steps(draw: strategies.DrawFn) -> dict[str, Any]:
    """Draw an operation with its own fields alone and values of the right kind: many are carried out."""
    op = draw(strategies.sampled_from(sorted(KINDS)))
    exclusive = {name for form in KINDS[op].forms for name in form}
    fields = [name for name in KINDS[op].model_fields if name != "op" and name not in exclusive]
    if KINDS[op].forms:
        fields += draw(strategies.sampled_from(KINDS[op].forms))
    return {"op": op, **{name: draw(VALUES.get(name, NUMBERS)) for name in fields}}


@BOUNDED
@hypothesis.given(fields=strategies.dictionaries(strategies.sampled_from(FIELDS), WORDS, max_size=5))
def test_a_real_picture_with_any_fields(client: httpx.Client, fields: dict[str, str]) -> None:
    files = {"image": ("a.png", png(photo(12, 8)), "image/png")}
    data = {name: value.encode("utf-8", "replace") for name, value in fields.items()}
    response = client.post("/v1/images/edits", files=files, data=data)
    check(response.status_code, response.text if response.status_code >= 400 else "")


@BOUNDED
@hypothesis.given(plan=strategies.lists(STEPS, max_size=3) | strategies.lists(good_steps(), max_size=4) | JSON)
def test_a_real_picture_with_any_plan(client: httpx.Client, plan: Any) -> None:
    files = {"image": ("a.png", png(photo(12, 8)), "image/png")}
    response = client.post("/v1/images/edits", files=files, data={"operations": json.dumps(plan)})
    check(response.status_code, response.text if response.status_code >= 400 else "")


@BOUNDED
@hypothesis.given(
    image=strategies.binary(max_size=200), mask=strategies.binary(max_size=200), whole=strategies.booleans()
)
def test_any_bytes_as_picture_and_mask(client: httpx.Client, image: bytes, mask: bytes, whole: bool) -> None:
    # A header that is whole, so that the decoders get to see the rest.
    start = png(photo(12, 8))[:60]
    files = {"image": ("a", png(photo(12, 8)) if whole else start + image), "mask": ("b", start + mask)}
    response = client.post("/v1/images/edits", files=files, data={"prompt": "rotate right"})
    check(response.status_code, response.text if response.status_code >= 400 else "")
    response = client.post("/v1/images/variations", files={"image": ("a", image)})
    check(response.status_code, response.text)


@BOUNDED
@hypothesis.given(body=JSON)
def test_any_json_as_a_generation_or_a_command(client: httpx.Client, body: Any) -> None:
    for route in ("generations", "plans"):
        for sent in (
            body,
            {"prompt": body, "command": body},
            {"prompt": "a dog", "command": "add a dog", "model": body},
        ):
            response = client.post(
                f"/v1/images/{route}", content=json.dumps(sent), headers={"content-type": "application/json"}
            )
            check(response.status_code, response.text if response.status_code >= 400 else "")
