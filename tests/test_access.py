"""Who may come in: key, Host, Origin, body size; and what every answer carries."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator

import httpx
import pytest

from api.settings import Settings
from tests.fakes import Gateway, photo, png

Make = Callable[..., Gateway]


def ask(gateway: Gateway, path: str = "/v1/models", method: str = "GET", **headers: str) -> httpx.Response:
    """Send one request with headers written with underscores."""
    with httpx.Client(base_url=gateway.url) as client:
        return client.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})


@pytest.fixture
def locked(make_gateway: Make) -> Iterator[Gateway]:
    """A gateway with a key."""
    yield make_gateway(api_key="open-sesame")


def test_without_a_key_nobody_is_asked_for_one(gateway: Gateway) -> None:
    assert ask(gateway).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer wrong", "Basic open-sesame", "open-sesame", "Bearer open-sesame2", "Bearer schl\u00fcssel"],
)
def test_every_route_but_health_wants_the_key(locked: Gateway, authorization: str) -> None:
    encoded = authorization.encode("latin-1")
    with httpx.Client(base_url=locked.url) as client:
        for method, path in [
            ("GET", "/v1/models"),
            ("GET", "/docs"),
            ("POST", "/v1/audio/speech"),
            ("GET", "/nowhere"),
        ]:
            response = client.request(method, path, headers={b"authorization": encoded})
            assert (response.status_code, response.json()["error"]["code"]) == (401, "invalid_api_key")
            assert response.headers["www-authenticate"] == "Bearer"
            assert "open-sesame" not in response.text
        assert client.get("/health").json() == {"status": "ok"}


@pytest.mark.parametrize("authorization", ["Bearer open-sesame", "bearer open-sesame", "BEARER  open-sesame"])
def test_the_key_opens(locked: Gateway, authorization: str) -> None:
    assert ask(locked, authorization=authorization).status_code == 200


def test_every_route_is_behind_the_key(locked: Gateway) -> None:
    with httpx.Client(base_url=locked.url) as client:
        described = client.get("/openapi.json", headers={"authorization": "Bearer open-sesame"}).json()["paths"]
        routes = [(method, path) for path, methods in described.items() for method in methods]
        routes += [("get", "/openapi.json"), ("get", "/nowhere")]
        unlocked = [path for method, path in routes if client.request(method, path).status_code != 401]
    assert len(routes) > 12
    assert unlocked == ["/health"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:8000", "[::1]:80", "localhost."])
def test_own_names_are_served(gateway: Gateway, host: str) -> None:
    assert ask(gateway, host=host).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "192.168.1.9", "localhost@evil.example", "localhost:x", "a/b", "[::1"],
)
def test_another_name_in_host_is_refused(gateway: Gateway, host: str) -> None:
    response = ask(gateway, host=host)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "host_not_allowed")


def test_a_listed_name_is_served(make_gateway: Make) -> None:
    gateway = make_gateway(allowed_hosts=("box.lan",))
    assert ask(gateway, host="Box.lan:8000").status_code == 200
    assert ask(gateway, host="box2.lan").status_code == 403


def test_beyond_loopback_addresses_and_the_own_name_are_served() -> None:
    from api.access import HostCheck, hosts_of

    settings = Settings(host="0.0.0.0", api_key="k")
    check = HostCheck(app=None, settings=settings)  # type: ignore[arg-type]
    assert check.addresses
    assert socket.gethostname().lower() in hosts_of(settings)


def test_a_foreign_web_page_is_refused(gateway: Gateway) -> None:
    response = ask(gateway, "/v1/models/small-ears/unload", "POST", origin="https://evil.example")
    assert (response.status_code, response.json()["error"]["code"]) == (403, "origin_not_allowed")
    assert ask(gateway, origin="null").status_code == 403


def test_the_servers_own_page_is_served_and_other_origins_are_off(gateway: Gateway) -> None:
    response = ask(gateway, origin=gateway.url)
    assert response.status_code == 200
    assert "access-control-allow-origin" not in response.headers


def test_a_listed_origin_gets_cors_even_for_a_refusal(make_gateway: Make) -> None:
    gateway = make_gateway(api_key="k", cors_origins=("https://chat.lan",))
    with httpx.Client(base_url=gateway.url) as client:
        preflight = client.options(
            "/v1/models",
            headers={
                "origin": "https://chat.lan",
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization,content-type,x-stainless-os",
            },
        )
        refused = client.get("/v1/models", headers={"origin": "https://chat.lan"})
    assert preflight.status_code == 200
    assert refused.status_code == 401
    for response in (preflight, refused):
        assert response.headers["access-control-allow-origin"] == "https://chat.lan"


def test_a_body_past_the_limit_is_413_announced_or_not(make_gateway: Make) -> None:
    gateway = make_gateway(max_upload_bytes=1000)
    image = png(photo(200, 200))
    assert len(image) > 1000

    def pieces() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
        yield image
        yield b"\r\n--b--\r\n"

    with httpx.Client(base_url=gateway.url) as client:
        announced = client.post("/v1/images/edits", files={"image": image}, data={"prompt": "rotate right"})
        headers = {"content-type": "multipart/form-data; boundary=b"}
        chunked = client.post("/v1/images/edits", content=pieces(), headers=headers)
        after = client.get("/health")
    for response in (announced, chunked):
        assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")
        assert "TAWNY_MAX_UPLOAD_BYTES" in response.json()["error"]["message"]
    assert after.status_code == 200


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/nowhere", "/openapi.json"])
def test_every_response_has_a_request_id_of_its_own(gateway: Gateway, path: str) -> None:
    ids = {ask(gateway, path).headers["x-request-id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(ids)


def test_a_harmless_id_is_kept_and_another_is_replaced(gateway: Gateway) -> None:
    assert ask(gateway, x_request_id="abc-1.2:3_4").headers["x-request-id"] == "abc-1.2:3_4"
    assert ask(gateway, x_request_id="a b").headers["x-request-id"] != "a b"
    assert ask(gateway, x_request_id="x" * 129).headers["x-request-id"] != "x" * 129


def test_refusals_at_the_door_have_an_id_too(gateway: Gateway) -> None:
    assert ask(gateway, host="evil.example").headers["x-request-id"]


def test_the_access_log_holds_durations_and_ids_but_no_words(
    gateway: Gateway, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client.post("/v1/images/plans?prompt=confidential", json={"command": "rotate right"})
    client.post("/v1/images/plans", json={"command": "the secret of the house"})
    # A response is sent before its line is written; the next one on the same connection comes after it.
    client.get("/health")
    lines = [record.getMessage() for record in caplog.records if record.name == "tawny.access"]
    assert any(line.startswith("POST /v1/images/plans 200 ") and " s " in line for line in lines)
    assert any(line.startswith("POST /v1/images/plans 422 ") for line in lines)
    # The test's own client logs what it sends.
    everything = " ".join(record.getMessage() for record in caplog.records if not record.name.startswith("http"))
    assert "secret" not in everything
    assert "rotate" not in everything
    assert "confidential" not in everything


def test_the_page_loads_without_the_key_and_nothing_else_leaves_its_folder(locked: Gateway) -> None:
    with httpx.Client(base_url=locked.url) as client:
        assert client.get("/").headers["content-type"].startswith("text/html")
        assert client.get("/web/main.js").status_code == 200
        for path in (
            "/web/../settings.py",
            "/web/%2e%2e/settings.py",
            "/web/..%2fsettings.py",
            "/web//etc/passwd",
            "/web/",
        ):
            assert client.get(path).status_code in (401, 404)
