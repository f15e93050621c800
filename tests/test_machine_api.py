"""Models, voices and the machine over HTTP: lists, loading and unloading, readiness, status, metrics."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from inference import engines
from tests.fakes import Gateway

ENGINES = {engine.name for engine in engines.ENGINES}


def test_health_is_alive(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "ok"}


def test_ready_when_every_engine_has_a_model(client: httpx.Client) -> None:
    response = client.get("/ready")
    assert (response.status_code, response.json()) == (200, {"status": "ready"})


def test_not_ready_names_every_mend(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway(missing=["inpainter", "speaker", "segmenter"])
    response = httpx.get(f"{gateway.url}/ready")
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (503, "weights_missing")
    assert "small-painter" in error["message"]
    assert "small-voice" in error["message"]
    assert "small-scissors" not in error["message"], "the main job is done without it"


def test_an_engine_without_a_model_is_unloaded_and_says_what_mends_it(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway(missing=["segmenter"])
    engine = httpx.get(f"{gateway.url}/v1/status").json()["engines"]["segmenter"]
    assert (engine["state"], engine["model"], engine["device"]) == ("unloaded", None, None)
    assert "small-scissors is not ready" in engine["last_error"] and "Run: " in engine["last_error"]
    assert engine["reason"] == engine["last_error"]


def test_models_are_openais_list_with_our_fields(client: httpx.Client) -> None:
    body = client.get("/v1/models").json()
    assert body["object"] == "list"
    assert {row["engine"] for row in body["data"]} == ENGINES
    for row in body["data"]:
        assert (row["object"], row["owned_by"], row["state"]) == ("model", "tawny", "ready")
        assert isinstance(row["created"], int)


def test_models_that_are_missing_are_listed_on_request(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway(missing=["parser"])
    usable = httpx.get(f"{gateway.url}/v1/models").json()["data"]
    everything = httpx.get(f"{gateway.url}/v1/models", params={"all": "true"}).json()["data"]
    assert "small-parser" not in {row["id"] for row in usable}
    assert {row["id"]: row["state"] for row in everything}["small-parser"] != "ready"


def test_one_model_by_id_or_alias(client: httpx.Client) -> None:
    assert client.get("/v1/models/small-ears").json()["engine"] == "transcriber"
    assert client.get("/v1/models/whisper-1").json()["id"] == "small-ears"
    assert client.get("/v1/models/nothing").json()["error"]["code"] == "model_not_found"


@pytest.mark.parametrize("path", ["..%2f..%2fetc%2fpasswd", "https:%2f%2fevil.example", "%00", "a%0ab"])
def test_a_path_for_a_model_is_no_model(client: httpx.Client, path: str) -> None:
    for request in (client.get(f"/v1/models/{path}"), client.post(f"/v1/models/{path}/load")):
        assert request.status_code == 404


def test_a_model_is_loaded_and_unloaded(client: httpx.Client) -> None:
    client.post("/v1/models/small-ears/unload")
    loaded = client.post("/v1/models/small-ears/load")
    assert loaded.json() == {"id": "small-ears", "loaded": True}
    assert loaded.headers["x-tawny-device"] == "transcriber=cpu"
    assert client.get("/v1/status").json()["engines"]["transcriber"]["state"] == "ready"
    assert client.post("/v1/models/small-ears/unload").json() == {"id": "small-ears", "unloaded": True}
    assert client.get("/v1/status").json()["engines"]["transcriber"]["state"] == "unloaded"
    assert client.post("/v1/models/small-ears/unload").json()["unloaded"] is False


def test_loading_what_is_missing_names_the_mend(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway(missing=["parser"])
    response = httpx.post(f"{gateway.url}/v1/models/small-parser/load")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "weights_missing")


def test_status_tells_versions_the_machine_and_each_engine(client: httpx.Client) -> None:
    body = client.get("/v1/status").json()
    assert body["versions"]["python"].startswith("3.")
    assert body["versions"]["torch"]
    assert isinstance(body["machine"], dict)
    assert set(body["engines"]) >= ENGINES
    for row in (body["engines"][name] for name in ENGINES):
        assert {"model", "state", "device", "dtype", "reason", "bytes", "queue", "last_error"} <= set(row)
        assert (row["device"], row["state"]) in {("cpu", state) for state in ("unloaded", "ready", "busy")}
        assert row["reason"]


def test_metrics_count_requests_by_route_and_describe_engines(client: httpx.Client) -> None:
    client.get("/v1/models/small-ears")
    client.get("/v1/models/nothing-such")
    client.get("/no/such/route")
    lines = client.get("/metrics").text.splitlines()
    counted = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if "requests_total{" in line}
    assert counted['tawny_requests_total{method="GET",route="/v1/models/{model_id}",status="200"}'] >= 1
    assert counted['tawny_requests_total{method="GET",route="/v1/models/{model_id}",status="404"}'] >= 1
    assert counted['tawny_requests_total{method="GET",route="other",status="404"}'] >= 1
    assert not any("such" in line for line in lines)
    assert any(line.startswith("tawny_engine_bytes{") and 'engine="inpainter"' in line for line in lines)


def test_the_api_describes_itself(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()["paths"]
    fields = described["/v1/images/edits"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert fields
    assert {client.get(path).status_code for path in ("/docs", "/redoc")} == {404}  # they would call a CDN


def test_a_model_at_work_is_not_unloaded_and_that_is_told_from_not_loaded(
    gateway: Gateway, client: httpx.Client
) -> None:
    gateway.stage.held = True
    with ThreadPoolExecutor(1) as thread:
        speaking = thread.submit(client.post, "/v1/audio/speech", json={"input": "One. Two.", "voice": "small-voice"})
        gateway.stage.reached.get(timeout=20)
        refused = httpx.post(f"{gateway.url}/v1/models/small-voice/unload")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "model_in_use")
        gateway.stage.release()
        assert speaking.result(30).status_code == 200
