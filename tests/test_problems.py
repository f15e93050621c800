"""Errors as clients see them: every class of the tree has its status, its code and one body."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from api.problems import answer, code_of, describe, status_of
from inference import errors
from inference.errors import Busy, Refused, ShuttingDown, TawnyError, Unavailable
from tests.fakes import Gateway, photo, png


def walk(kind: type[TawnyError]) -> Iterator[type[TawnyError]]:
    """Yield the class and all its descendants."""
    yield kind
    for child in kind.__subclasses__():
        yield from walk(child)


TREE = [kind for kind in dict.fromkeys(walk(TawnyError)) if kind.__module__ == errors.__name__]

EXPECTED = {
    "InvalidRequest": 400,
    "TooLarge": 413,
    "UnknownModel": 404,
    "UnknownJob": 404,
    "ModelInUse": 409,
    "NotFinished": 409,
    "UnknownVoice": 400,
    "UnreadableImage": 422,
    "UnreadableAudio": 422,
    "CommandNotUnderstood": 422,
    "InvalidPlan": 422,
    "MaskMismatch": 422,
    "MaskRequired": 422,
    "Busy": 503,
    "GpuRequired": 503,
    "WeightsMissing": 503,
    "EngineNotInstalled": 503,
    "DeviceLost": 503,
    "OutOfMemory": 503,
    "ShuttingDown": 503,
    "DeadlinePassed": 503,
    "DiskFull": 503,
    "Cancelled": 499,
    "EngineFailed": 500,
}


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in TREE]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_class_has_its_status_and_the_one_body(kind: type[TawnyError]) -> None:
    error = kind("what happened", param="field")
    status = status_of(error)
    if issubclass(kind, Refused):
        assert status in (400, 404, 409, 413, 422)
    elif issubclass(kind, Unavailable):
        assert status == 503
    if kind.__name__ in EXPECTED:
        assert status == EXPECTED[kind.__name__]
    body = describe(error)["error"]
    assert set(body) == {"message", "type", "param", "code"}
    assert (body["message"], body["param"], body["code"]) == ("what happened", "field", kind.code)
    assert body["type"] == ("server_error" if status >= 500 else "invalid_request_error")
    assert answer(error).status_code == status


def test_the_expected_table_names_every_leaf() -> None:
    leaves = {kind.__name__ for kind in TREE if not kind.__subclasses__()}
    assert leaves <= set(EXPECTED)


def test_busy_says_when_to_come_back_and_the_rest_says_not_to_repeat() -> None:
    assert answer(Busy("full", retry_after=2.2)).headers["retry-after"] == "3"
    assert "retry-after" in answer(ShuttingDown("bye")).headers
    missing = answer(errors.WeightsMissing("fetch it")).headers
    assert missing["x-should-retry"] == "false"
    assert "retry-after" not in missing


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "not_found"), (415, "unsupported_media_type"), (401, "invalid_api_key"), (599, "http_error")],
)
def test_bare_statuses_have_codes(status: int, code: str) -> None:
    assert code_of(status) == code


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("GET", "/nowhere", None, 404, "not_found"),
        ("GET", "/v1/images/edits", None, 405, "method_not_allowed"),
        ("POST", "/v1/images/plans", b"{", 400, "invalid_request"),
        ("POST", "/v1/images/plans", b'{"command": ' + b"[" * 100_000, 400, "invalid_request"),
        ("POST", "/v1/images/plans", b"9" * 5000, 400, "invalid_request"),
        ("POST", "/v1/images/plans", b'{"command": "\\ud800"}', 400, "invalid_request"),
        ("POST", "/v1/images/plans", b"\xff\xfe", 400, "invalid_request"),
        ("POST", "/v1/images/plans", b"", 400, "invalid_request"),
    ],
)
def test_failures_of_http_itself_have_the_same_body(
    client: httpx.Client, method: str, path: str, content: bytes | None, status: int, code: str
) -> None:
    response = client.request(method, path, content=content, headers={"content-type": "application/json"})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert set(error) == {"message", "type", "param", "code"}
    assert response.headers["x-request-id"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no multipart at all",
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n' + b"x" * 1_100_000 + b"\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="p"\r\n\r\nx\r\n' * 70 + b"--b--\r\n",
    ],
    ids=["empty", "garbage", "nameless", "huge field", "many fields"],
)
def test_broken_multipart_is_a_bad_request(client: httpx.Client, content: bytes) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b"}
    response = client.post("/v1/images/edits", content=content, headers=headers)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/images/edits",
        "/v1/images/variations",
        "/v1/jobs",
        "/v1/audio/transcriptions",
        "/v1/audio/translations",
    ],
)
def test_json_where_a_form_belongs_is_named_as_that(client: httpx.Client, path: str) -> None:
    response = client.post(path, json={"prompt": "rotate right"})
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (400, "invalid_request", None)
    assert "multipart/form-data, not as application/json" in error["message"]
    bare = client.post(path).json()["error"]["message"]
    assert "a body without a Content-Type" in bare


def test_a_form_where_json_belongs_is_named_as_that(client: httpx.Client) -> None:
    response = client.post("/v1/images/plans", data={"command": "rotate right"})
    assert response.status_code == 400
    assert "application/json" in response.json()["error"]["message"]


def test_a_text_where_a_file_belongs_is_named_as_that(client: httpx.Client) -> None:
    files = {"image": (None, "a text"), "prompt": (None, "rotate right")}
    error = client.post("/v1/images/edits", files=files).json()["error"]
    assert (error["param"], error["message"]) == ("image", "image: must be sent as a file, with a file name")


def test_a_wrong_method_is_told_the_right_one(client: httpx.Client) -> None:
    response = client.get("/v1/images/edits")
    assert response.headers["allow"] == "POST"
    assert response.json()["error"]["message"] == "/v1/images/edits does not take GET, only POST"


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_watchers_may_ask_for_the_head_alone(client: httpx.Client, path: str) -> None:
    response = client.head(path)
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize(("path", "param"), [("/v1/audio/transcriptions", "file"), ("/v1/images/edits", "audio")])
def test_a_sound_that_is_none_is_named_by_its_field(client: httpx.Client, path: str, param: str) -> None:
    files = {param: ("sound.wav", b"no sound", "audio/wav")}
    if param == "audio":
        files["image"] = ("photo.png", png(photo()), "image/png")
    response = client.post(path, files=files)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (422, "unreadable_audio", param)


def test_no_edit_names_the_field_that_the_plan_route_has(client: httpx.Client) -> None:
    error = client.post("/v1/images/plans", json={"command": "what's the weather?"}).json()["error"]
    assert (error["code"], error["param"]) == ("no_operation", "command")


def test_an_unexpected_error_is_a_500_that_tells_nothing_but_its_id(
    make_gateway: Callable[..., Gateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = make_gateway()

    def break_down() -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(gateway.runtime, "status", break_down)
    with httpx.Client(base_url=gateway.url) as client:
        response = client.get("/v1/status", headers={"x-request-id": "mine-1"})
        assert client.get("/health").status_code == 200
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["type"]) == (500, "internal_server_error", "server_error")
    assert "mine-1" in error["message"]
    assert "secret" not in response.text


def test_an_engine_that_breaks_is_500_and_the_next_request_works(gateway: Gateway, client: httpx.Client) -> None:
    gateway.stage.failure = RuntimeError("sparks")
    broken = client.post("/v1/images/plans", json={"command": "rotate right"})
    assert (broken.status_code, broken.json()["error"]["code"]) == (500, "engine_failed")
    assert client.post("/v1/images/plans", json={"command": "rotate right"}).status_code == 200
