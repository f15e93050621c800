"""Generations, variations and LoRA names over HTTP, with fakes behind the real gateway."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from inference.errors import InvalidRequest, UnknownModel
from inference.loras import find_loras, list_loras
from tests.fakes import DOG, Gateway, opened, photo, png


def draw(client: httpx.Client, **fields: Any) -> httpx.Response:
    return client.post("/v1/images/generations", json={"prompt": "a red house", **fields})


def pictures(response: httpx.Response) -> list[Any]:
    assert response.status_code == 200, response.text
    return [opened(base64.b64decode(item["b64_json"])) for item in response.json()["data"]]


def vary(client: httpx.Client, image: bytes | None = None, **fields: Any) -> httpx.Response:
    files = {"image": ("photo.png", image or png(photo()), "image/png")}
    return client.post("/v1/images/variations", files=files, data=fields)


@pytest.mark.parametrize(("size", "expected"), [(None, (64, 64)), ("auto", (64, 64)), ("90x31", (90, 31))])
def test_a_generation_has_the_size_that_was_asked_for_or_the_models_own(
    client: httpx.Client, gateway: Gateway, size: str | None, expected: tuple[int, int]
) -> None:
    (image,) = pictures(draw(client, size=size))
    assert image.size == expected
    verb, asked = gateway.stage.asked[-1]
    assert (verb, asked["prompt"], asked["size"], asked["strength"]) == ("inpaint", "a red house", (64, 64), 1.0)


def test_several_have_seeds_that_follow_each_other_and_the_seed_decides(client: httpx.Client) -> None:
    response = draw(client, n=3, seed=7)
    assert [item["seed"] for item in response.json()["data"]] == [7, 8, 9]
    first, second, _ = pictures(response)
    assert first.tobytes() != second.tobytes()
    assert first.tobytes() == pictures(draw(client, seed=7))[0].tobytes()
    facts = json.loads(first.info["tawny"])
    assert (facts["prompt"], facts["seed"], facts["models"]) == ("a red house", 7, {"inpainter": "small-painter"})


def test_a_generation_may_be_streamed(client: httpx.Client) -> None:
    response = draw(client, stream=True, partial_images=2)
    events = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]
    kinds = [event["type"] for event in events]
    assert set(kinds) == {f"image_generation.{kind}" for kind in ("progress", "partial_image", "completed")}
    assert kinds[-1] == "image_generation.completed" and kinds.count("image_generation.completed") == 1
    assert [event["partial_image_index"] for event in events if "partial_image_index" in event] == [0, 1]
    assert opened(base64.b64decode(events[-1]["b64_json"])).size == (64, 64)


@pytest.fixture
def world(gateway: Gateway) -> Iterator[openai.OpenAI]:
    """OpenAI's package, pointed at the gateway."""
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_the_openai_package_generates_streams_and_varies(world: openai.OpenAI) -> None:
    client = world
    answer = client.images.generate(model="gpt-image-1", prompt="a red house", size="1024x1024", n=2)
    assert answer.data is not None and len(answer.data) == 2
    assert opened(base64.b64decode(answer.data[0].b64_json or "")).size == (1024, 1024)
    stream = client.images.generate(model="gpt-image-1", prompt="x", stream=True, partial_images=1)
    assert [event.type for event in stream if "progress" not in event.type] == [
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    with pytest.warns(DeprecationWarning):  # the package's word about its vendor's models
        varied = client.images.create_variation(image=("photo.png", png(photo())), model="dall-e-2", n=1)
    assert varied.data is not None and varied.data[0].b64_json


def test_a_variation_repaints_all_of_a_picture_and_keeps_its_size(client: httpx.Client, gateway: Gateway) -> None:
    (image,) = pictures(vary(client, seed="3"))
    assert image.size == (60, 40)
    assert image.getcolors() == [(2400, (111, 177, 200))]
    assert gateway.stage.asked[-1][1]["strength"] == 0.7
    vary(client, strength="0.2")
    assert gateway.stage.asked[-1][1]["strength"] == 0.2
    assert [picture.size for picture in pictures(vary(client, n="2", size="30x30"))] == [(30, 20)] * 2


def test_a_picture_may_be_the_whole_answer(client: httpx.Client) -> None:
    body = {"prompt": "a red house", "seed": 5}
    response = client.post("/v1/images/generations", json=body, headers={"accept": "image/webp"})
    assert (response.headers["content-type"], response.headers["x-tawny-seed"]) == ("image/webp", "5")
    assert response.headers["x-tawny-device"] == "inpainter=cpu"
    assert response.headers["x-tawny-model"] == "inpainter=small-painter"
    assert opened(response.content).format == "WEBP"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"prompt": "  "}, 400, "invalid_request", "prompt"),
        ({"prompt": 5}, 400, "invalid_request", "prompt"),
        ({"prompt": "x" * 4001}, 413, "too_large", "prompt"),
        ({"prompt": "\ud800"}, 400, "invalid_request", "prompt"),
        ({"size": "huge"}, 400, "invalid_request", "size"),
        ({"size": "99999x99999"}, 413, "too_large", "size"),
        ({"size": "60000x1"}, 413, "too_large", "size"),
        ({"n": 0}, 400, "invalid_request", "n"),
        ({"n": 11}, 400, "invalid_request", "n"),
        ({"response_format": "url"}, 400, "invalid_request", "response_format"),
        ({"model": "no-such-model"}, 404, "model_not_found", "model"),
        ({"model": "small-ears"}, 404, "model_not_found", "model"),
        ({"lora": "pixel"}, 404, "model_not_found", "lora"),
        ({"lora": ["a"] * 9}, 400, "invalid_request", "lora"),
    ],
)
def test_a_refusal_is_a_status(
    client: httpx.Client, fields: dict[str, Any], status: int, code: str, param: str, stream: bool
) -> None:
    content = json.dumps({"prompt": "a red house", "stream": stream, **fields})
    answer = client.post("/v1/images/generations", content=content, headers={"content-type": "application/json"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param)


def test_a_variation_of_nothing_is_refused(client: httpx.Client) -> None:
    assert client.post("/v1/images/variations", data={"n": "1"}).json()["error"]["param"] == "image"
    assert vary(client, image=b"nothing").json()["error"]["code"] == "unreadable_image"


def test_a_model_that_is_not_fetched_is_a_503_with_the_command(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway(missing=["inpainter"])
    with httpx.Client(base_url=gateway.url, timeout=30) as client:
        for response in (draw(client), draw(client, stream=True), vary(client)):
            assert (response.status_code, response.json()["error"]["code"]) == (503, "weights_missing")


# LoRA ---------------------------------------------------------------------------------------------------------------


def test_loras_reach_the_engine_by_name_and_weight(make_gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    gateway = make_gateway(models=tmp_path / "store")
    folder = tmp_path / "store" / "loras"
    folder.mkdir(parents=True)
    for name in ("pixel", "more.detail"):
        (folder / f"{name}.safetensors").write_bytes(b"x")
    with httpx.Client(base_url=gateway.url, timeout=30) as client:
        files = {"image": ("photo.png", png(photo()), "image/png")}
        data = {"operations": json.dumps([DOG]), "lora": ["pixel:0.5", "more.detail"]}
        answer = client.post("/v1/images/edits", files=files, data=data)
        assert answer.status_code == 200, answer.text
        loras = gateway.stage.asked[-1][1]["loras"]
        assert [(lora.name, lora.weight) for lora in loras] == [("pixel", 0.5), ("more.detail", 1.0)]
        facts = json.loads(opened(base64.b64decode(answer.json()["data"][0]["b64_json"])).info["tawny"])
        assert facts["loras"] == {"pixel": 0.5, "more.detail": 1.0}
        draw(client, lora="pixel:2")
        assert gateway.stage.asked[-1][1]["loras"][0].weight == 2


def test_only_safetensors_of_the_folder_have_names(tmp_path: Path) -> None:
    folder = tmp_path / "loras"
    folder.mkdir()
    for name in ("good.safetensors", "evil.bin", "evil.pt"):
        (folder / name).write_bytes(b"x")
    (folder / "folder.safetensors").mkdir()
    (tmp_path / "outside.safetensors").write_bytes(b"x")
    assert list(list_loras(tmp_path)) == ["good"]
    for name in ("evil", "../outside", str(folder / "good"), "good.safetensors", "", "folder"):
        with pytest.raises(UnknownModel, match="good"):
            find_loras([name], tmp_path)
    for text in ("good:", "good:x", "good:inf", "good:-5"):
        with pytest.raises(InvalidRequest):
            find_loras([text], tmp_path)
    assert [lora.weight for lora in find_loras(["good:1", "good:-0.5"], tmp_path)] == [-0.5]
    assert list_loras(tmp_path / "nowhere") == {}
