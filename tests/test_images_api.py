"""Editing pictures over HTTP: the answer in JSON, as a picture, and what is refused; engines are fakes."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image, ImageChops

from tests.fakes import DOG, ROTATE, Gateway, opened, photo, png, tone, wav

Fields = dict[str, Any]


def edit(client: httpx.Client, image: bytes | None = None, mask: bytes | None = None, **fields: Any) -> httpx.Response:
    """Send an edit; without an image, a photograph."""
    files: Fields = {"image": ("photo.png", image or png(photo()), "image/png")}
    if mask is not None:
        files["mask"] = ("mask.png", mask, "image/png")
    headers = fields.pop("headers", {})
    return client.post("/v1/images/edits", files=files, data=fields, headers=headers)


def picture(response: httpx.Response, number: int = 0) -> Image.Image:
    """Return a picture of a JSON answer."""
    assert response.status_code == 200, response.text
    return opened(base64.b64decode(response.json()["data"][number]["b64_json"]))


def test_a_sentence_turns_the_picture(client: httpx.Client) -> None:
    response = edit(client, prompt="rotate right")
    body = response.json()
    assert ImageChops.difference(picture(response), photo().transpose(Image.Transpose.ROTATE_270)).getbbox() is None
    assert body["operations"] == [ROTATE]
    assert body["output_format"] == "png"
    assert body["size"] == "40x60"
    assert body["created"] > 1_700_000_000
    assert isinstance(body["data"][0]["seed"], int)
    assert response.headers["x-tawny-device"] == "parser=cpu"
    assert response.headers["x-tawny-model"].startswith("parser=")


def test_painting_and_turning_happen_in_the_speakers_order(client: httpx.Client, gateway: Gateway) -> None:
    response = edit(client, prompt="Add a dog and rotate right.", seed=5)
    assert response.json()["operations"][0]["op"] == "generate"
    assert response.json()["operations"][1] == ROTATE
    assert picture(response).size == (40, 60)
    assert response.headers["x-tawny-device"] == "parser=cpu, inpainter=cpu"
    assert [verb for verb, _ in gateway.stage.asked] == ["parse", "inpaint"]


def test_a_plan_skips_the_parser_and_outweighs_the_prompt(client: httpx.Client, gateway: Gateway) -> None:
    response = edit(client, prompt="add a dog", operations=json.dumps([ROTATE]))
    assert response.json()["operations"] == [ROTATE]
    assert gateway.stage.asked == []
    assert "x-tawny-device" not in response.headers


def test_a_spoken_command_edits_and_says_what_was_heard(client: httpx.Client) -> None:
    files = {
        "image": ("photo.png", png(photo()), "image/png"),
        "audio": ("command.wav", wav(tone(0.5, 16_000)), "audio/wav"),
    }
    response = client.post("/v1/images/edits", files=files)
    assert picture(response).size == (40, 60)
    assert response.json()["data"][0]["revised_prompt"] == "Rotate right."
    assert response.headers["x-tawny-device"] == "transcriber=cpu, parser=cpu"


def test_a_spoken_sentence_that_is_no_edit_names_the_sound(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.fakes.SPOKEN", "Hello there.")
    files = {
        "image": ("photo.png", png(photo()), "image/png"),
        "audio": ("command.wav", wav(tone(0.5, 16_000)), "audio/wav"),
    }
    error = client.post("/v1/images/edits", files=files).json()["error"]
    assert (error["code"], error["param"]) == ("no_operation", "audio")


def test_n_results_have_seeds_one_apart_and_a_seed_repeats_its_result(client: httpx.Client) -> None:
    both = edit(client, prompt="add a dog", n=2, seed=7)
    assert [item["seed"] for item in both.json()["data"]] == [7, 8]
    assert ImageChops.difference(picture(both, 0), picture(both, 1)).getbbox() is not None
    second = edit(client, prompt="add a dog", seed=8)
    assert second.json()["data"][0]["b64_json"] == both.json()["data"][1]["b64_json"]


def test_without_a_seed_two_edits_differ(client: httpx.Client) -> None:
    seeds = {edit(client, prompt="rotate right").json()["data"][0]["seed"] for _ in range(3)}
    assert len(seeds) == 3


def test_fields_reach_the_painter(client: httpx.Client, gateway: Gateway) -> None:
    edit(client, prompt="add a dog", steps=2, seed=3)
    asked = gateway.stage.asked[-1][1]
    assert asked["prompt"] == "a dog"
    assert asked["seed"] == 3
    assert gateway.stage.steps == 2


@pytest.mark.parametrize(
    ("accept", "fields", "media_type", "kind"),
    [
        ("image/*", {}, "image/png", "PNG"),
        ("image/webp, */*;q=0.5", {}, "image/webp", "WEBP"),
        ("image/webp", {"output_format": "jpeg"}, "image/jpeg", "JPEG"),
        ("image/*", {"prompt": "make it a jpeg"}, "image/jpeg", "JPEG"),
    ],
)
def test_accept_image_answers_with_the_picture_itself(
    client: httpx.Client, accept: str, fields: Fields, media_type: str, kind: str
) -> None:
    response = edit(client, **{"prompt": "rotate right", **fields}, seed=9, headers={"accept": accept})
    assert response.headers["content-type"] == media_type
    assert opened(response.content).format == kind
    assert response.headers["x-tawny-seed"] == "9"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"prompt": "add a dog", "seed": 7, "size": "30x30"},
            {
                "Steps": "30",
                "CFG scale": "7.0",
                "Seed": "7",
                "Size": "30x20",
                "Model": "small-painter",
                "Device": "cpu",
            },
        ),
        ({"prompt": "add a dog", "steps": 9, "guidance_scale": 3.5}, {"Steps": "9", "CFG scale": "3.5"}),
        ({"operations": json.dumps([ROTATE]), "seed": 1}, {"Seed": "1", "Size": "40x60"}),
    ],
)
def test_the_file_says_what_was_done_as_readers_of_parameters_expect(
    client: httpx.Client, fields: Fields, expected: dict[str, str]
) -> None:
    response = edit(client, **fields, headers={"Accept": "image/png"})
    info = opened(response.content).info
    line = info["parameters"].splitlines()[-1]
    # How such readers take the last line apart; with fewer than three pairs they take it for words of the prompt.
    pairs = dict(re.findall(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)', line))
    assert len(pairs) >= 3
    assert {name: pairs.get(name) for name in expected} == expected
    assert ("Steps" in pairs) == ("dog" in fields.get("prompt", ""))
    assert json.loads(info["tawny"])["operations"][0]["op"] in ("generate", "rotate")


def test_several_results_are_json_whatever_is_accepted(client: httpx.Client) -> None:
    response = edit(client, prompt="rotate right", n=2, headers={"accept": "image/*"})
    assert len(response.json()["data"]) == 2


def test_a_lower_quality_makes_a_smaller_file(client: httpx.Client) -> None:
    sizes = [
        len(edit(client, prompt="rotate right", output_format="jpeg", output_compression=quality).content)
        for quality in (0, 95)
    ]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize(("size", "expected"), [("auto", (40, 60)), ("20x300", (20, 30)), ("400x120", (80, 120))])
def test_size_fits_the_result_and_keeps_its_ratio(client: httpx.Client, size: str, expected: tuple[int, int]) -> None:
    response = edit(client, prompt="rotate right", size=size)
    assert picture(response).size == expected
    assert response.json()["size"] == f"{expected[0]}x{expected[1]}"


def test_image_may_be_written_with_brackets(client: httpx.Client) -> None:
    files = {"image[]": ("photo.png", png(photo()), "image/png")}
    response = client.post("/v1/images/edits", files=files, data={"prompt": "rotate right"})
    assert picture(response).size == (40, 60)


def test_fields_of_other_vendors_are_ignored(client: httpx.Client) -> None:
    response = edit(client, prompt="rotate right", user="me", quality="high", background="auto", model="gpt-image-1")
    assert response.status_code == 200


REFUSALS: list[tuple[Fields, int, str, str | None]] = [
    ({"prompt": "rotate right", "image": b"no picture"}, 422, "unreadable_image", "image"),
    ({"prompt": "rotate right", "mask": png(Image.new("L", (3, 3), 255))}, 422, "mask_mismatch", "mask"),
    ({"prompt": "rotate right", "mask": png(Image.new("L", (60, 40), 0))}, 422, "mask_mismatch", "mask"),
    ({"operations": '[{"op": "explode"}]'}, 422, "invalid_plan", "operations"),
    ({"operations": "no json"}, 422, "invalid_plan", "operations"),
    ({"operations": "[]"}, 422, "invalid_plan", "operations"),
    ({"operations": '[{"op": "text", "content": "\\ud800"}]'}, 422, "invalid_plan", "operations"),
    ({"prompt": "what's the weather?"}, 422, "no_operation", "prompt"),
    ({}, 400, "invalid_request", "prompt"),
    ({"prompt": "   "}, 400, "invalid_request", "prompt"),
    ({"prompt": "x" * 4001}, 413, "too_large", "prompt"),
    ({"prompt": "rotate right", "n": 11}, 400, "invalid_request", "n"),
    ({"prompt": "rotate right", "n": 2, "stream": "true"}, 400, "invalid_request", "n"),
    ({"prompt": "rotate right", "steps": 0}, 400, "invalid_request", "steps"),
    ({"prompt": "rotate right", "strength": "nan"}, 400, "invalid_request", "strength"),
    ({"prompt": "rotate right", "guidance_scale": "inf"}, 400, "invalid_request", "guidance_scale"),
    ({"prompt": "rotate right", "seed": -1}, 400, "invalid_request", "seed"),
    ({"prompt": "rotate right", "size": "large"}, 400, "invalid_request", "size"),
    ({"prompt": "rotate right", "size": "0x5"}, 400, "invalid_request", "size"),
    ({"prompt": "rotate right", "size": "99999x99999"}, 413, "too_large", "size"),
    ({"prompt": "rotate right", "response_format": "url"}, 400, "invalid_request", "response_format"),
    ({"prompt": "rotate right", "output_format": "gif"}, 400, "invalid_request", "output_format"),
    ({"prompt": "rotate right", "lora": "pixel:1"}, 404, "model_not_found", "lora"),
    ({"prompt": "rotate right", "lora": "../store/small-painter/weights:1"}, 404, "model_not_found", "lora"),
    ({"prompt": "rotate right", "lora": "pixel:much"}, 400, "invalid_request", "lora"),
    ({"prompt": "rotate right", "lora": "pixel:nan"}, 400, "invalid_request", "lora"),
    ({"prompt": "rotate right", "lora": "pixel:99"}, 400, "invalid_request", "lora"),
    ({"prompt": "add a dog", "model": "no-such-model"}, 404, "model_not_found", "model"),
    ({"prompt": "add a dog", "model": "small-ears"}, 404, "model_not_found", "model"),
    ({"prompt": "add a dog", "require_gpu": "true"}, 503, "gpu_required", None),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("fields", "status", "code", "param"), REFUSALS)
def test_a_refusal_is_a_status_streamed_or_not(
    client: httpx.Client, fields: Fields, status: int, code: str, param: str | None, stream: bool
) -> None:
    sent = {"stream": "true"} | fields if stream else fields
    response = edit(client, **sent)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert param is None or error["param"] == param
    assert error["message"]


def test_what_is_no_edit_comes_with_three_things_to_say(client: httpx.Client) -> None:
    message = edit(client, prompt="hello").json()["error"]["message"]
    assert message.count('"') == 6


def test_two_pictures_are_one_too_many(client: httpx.Client) -> None:
    files = [("image[]", ("a.png", png(photo()), "image/png"))] * 2
    response = client.post("/v1/images/edits", files=files, data={"prompt": "rotate right"})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "image")


def test_a_picture_past_the_pixel_limit_is_too_large(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway(max_pixels=60 * 40 - 1)
    with httpx.Client(base_url=gateway.url) as client:
        response = edit(client, prompt="rotate right")
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("stream", ["false", "true"])
def test_a_missing_model_is_503_with_the_command_that_mends_it(
    make_gateway: Callable[..., Gateway], stream: str
) -> None:
    gateway = make_gateway(missing=["inpainter"])
    with httpx.Client(base_url=gateway.url) as client:
        painted = edit(client, prompt="add a dog", stream=stream)
        turned = edit(client, prompt="rotate right", stream=stream)
    error = painted.json()["error"]
    assert (painted.status_code, error["code"]) == (503, "weights_missing")
    assert "small-painter" in error["message"]
    assert turned.status_code == 200


def test_the_plan_alone(client: httpx.Client) -> None:
    response = client.post("/v1/images/plans", json={"command": "add a dog and rotate right"})
    body = response.json()
    assert [operation["op"] for operation in body["operations"]] == ["generate", "rotate"]
    assert (body["model"], body["device"]) == ("small-parser", "cpu")
    assert body["seconds"] >= 0
    assert response.headers["x-tawny-device"] == "parser=cpu"
    assert response.headers["x-tawny-model"] == "parser=small-parser"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"command": "what's the weather?"}, 422, "no_operation"),
        ({"command": ""}, 400, "invalid_request"),
        ({"command": 5}, 400, "invalid_request"),
        ({}, 400, "invalid_request"),
        ([], 400, "invalid_request"),
        ({"command": "rotate right", "model": "nothing"}, 404, "model_not_found"),
    ],
)
def test_no_plan(client: httpx.Client, body: Any, status: int, code: str) -> None:
    response = client.post("/v1/images/plans", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_dog_is_described_with_its_prompt(client: httpx.Client) -> None:
    operations = client.post("/v1/images/plans", json={"command": "add a dog"}).json()["operations"]
    assert operations[0]["prompt"] == DOG["prompt"]


@pytest.mark.parametrize("stream", ["true", "false"])
@pytest.mark.parametrize(
    ("engine", "model", "operations"),
    [
        ("segmenter", "small-scissors", '[{"op":"remove","target":"car"}]'),
        ("segmenter", "small-scissors", '[{"op":"generate","prompt":"a hat","where":"on the man"}]'),
        ("subject_finder", "small-eye", '[{"op":"remove_background"}]'),
        ("face_finder", "small-look", '[{"op":"crop","to":"face"}]'),
    ],
)
def test_a_finder_that_is_not_fetched_is_a_503_with_the_command_and_the_mask_as_the_other_way(
    make_gateway: Callable[..., Gateway], engine: str, model: str, operations: str, stream: str
) -> None:
    gateway = make_gateway(missing=[engine])
    with httpx.Client(base_url=gateway.url, timeout=30) as client:
        response = edit(client, operations=operations, stream=stream)
        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (503, "weights_missing")
        assert model in error["message"] and "mask" in error["message"] and error["param"] == "mask"
        mask = Image.new("L", (60, 40), 255)
        assert edit(client, mask=png(mask), operations=operations).status_code == 200


def test_what_is_named_is_found_and_where_it_ran_is_told(client: httpx.Client) -> None:
    response = edit(client, operations='[{"op":"remove","target":"car"}]', headers={"accept": "image/png"})
    assert response.headers["x-tawny-device"] == "segmenter=cpu, inpainter=cpu"
    changed = ImageChops.difference(photo(), opened(response.content).convert("RGB")).getbbox()
    assert changed is not None and changed[0] >= 18 and changed[2] <= 42


def test_what_is_not_to_be_seen_is_a_422_that_asks_for_a_mask(client: httpx.Client, gateway: Gateway) -> None:
    gateway.stage.nothing = True
    response = edit(client, operations='[{"op":"remove","target":"car"}]')
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (422, "mask_required", "mask")
