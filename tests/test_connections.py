"""Clients that say nothing slowly, say too much, or speak no HTTP; each on a real socket."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
from PIL import Image

from tests.fakes import Gateway, png
from tests.processes import wait_until

Make = Callable[..., Gateway]


def connect(gateway: Gateway) -> socket.socket:
    """Open a connection that gives up after a while."""
    return socket.create_connection(("127.0.0.1", gateway.port), timeout=20)


def read_all(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Read until the server closes; return status, headers and body."""
    head, _, body = read_all_bytes(connection).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}, body


def read_all_bytes(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


@contextlib.contextmanager
def trickling(connection: socket.socket, piece: bytes) -> Iterator[None]:
    """Send ``piece`` again and again, until the other end has had enough or the block ends."""
    stop = threading.Event()

    def trickle() -> None:
        while not stop.wait(0.05):
            try:
                connection.sendall(piece)
            except OSError:
                return

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_head_that_trickles_is_cut_whatever_it_brings(make_gateway: Make) -> None:
    gateway = make_gateway(header_seconds=0.4)
    with connect(gateway) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n")
        with trickling(connection, b"x-slow: 1\r\n"):
            try:
                status, headers, body = read_all(connection)
            except ConnectionResetError:
                status = 408  # it closed while a further byte was on its way
            else:
                assert json.loads(body)["error"]["code"] == "request_timeout"
                assert headers["connection"] == "close"
    assert status == 408


def test_a_connection_that_says_nothing_at_all_is_closed(make_gateway: Make) -> None:
    gateway = make_gateway(header_seconds=0.2)
    with connect(gateway) as connection:
        assert read_all(connection)[0] == 408


def test_a_second_request_on_the_same_connection_has_its_time_too(make_gateway: Make) -> None:
    gateway = make_gateway(header_seconds=1.0)
    with connect(gateway) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        first = connection.recv(65536)
        assert b" 200 " in first.split(b"\r\n")[0]
        connection.sendall(b"GET /heal")
        assert read_all(connection)[0] == 408


@pytest.mark.parametrize("sent", [b"", b"--b\r\n"])
def test_a_body_that_stands_still_is_refused(make_gateway: Make, sent: bytes) -> None:
    gateway = make_gateway(body_seconds=0.3)
    with connect(gateway) as connection:
        connection.sendall(
            b"POST /v1/images/edits HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n"
            b"content-type: multipart/form-data; boundary=b\r\n\r\n" + sent
        )
        status, headers, body = read_all(connection)
    assert (status, json.loads(body)["error"]["code"]) == (408, "request_timeout")
    assert headers["connection"] == "close"


def test_a_body_that_trickles_is_refused_though_it_never_stands_still(make_gateway: Make) -> None:
    gateway = make_gateway(body_seconds=0.4)
    with connect(gateway) as connection:
        connection.sendall(
            b"POST /v1/images/plans HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n"
            b"content-type: application/json\r\n\r\n"
        )
        with trickling(connection, b" "):
            try:
                status = read_all(connection)[0]
            except ConnectionResetError:
                status = 408
    assert status == 408


@pytest.mark.parametrize("path", ["/no-such-place", "/v1/models"])
def test_a_body_that_trickles_on_after_its_answer_is_cut(make_gateway: Make, path: str) -> None:
    gateway = make_gateway(header_seconds=0.4)
    with connect(gateway) as connection:
        head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n"
        connection.sendall(head.encode())
        # A reset: a further byte was on its way.
        with trickling(connection, b" "), contextlib.suppress(ConnectionResetError):
            assert read_all(connection)[0] in (404, 405)


def connect_deaf(gateway: Gateway) -> socket.socket:
    """Open a connection between buffers so small that an answer of some size must wait for its reader."""
    assert httpx.get(f"{gateway.url}/health").status_code == 200
    for server in gateway.server.servers:
        for listener in server.sockets:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", gateway.port))
    return connection


def test_a_whole_answer_that_nobody_reads_is_dropped(make_gateway: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tawny")
    gateway = make_gateway(answer_seconds=0.3)
    noise = Image.frombytes("RGB", (500, 500), random.Random(1).randbytes(750_000))
    files = {"image": ("x.png", png(noise), "image/png")}
    request = httpx.Request("POST", f"{gateway.url}/v1/images/edits", files=files, data={"prompt": "rotate right"})
    with connect_deaf(gateway) as connection:
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        connection.sendall(f"POST /v1/images/edits HTTP/1.1\r\n{head}\r\n".encode() + request.read())
        wait_until(lambda: "is cut" in caplog.text)
        wait_until(lambda: not gateway.server.server_state.connections)
        with contextlib.suppress(ConnectionResetError):
            assert len(read_all_bytes(connection)) < 500_000
    assert httpx.get(f"{gateway.url}/health").status_code == 200


def test_a_stream_that_nobody_reads_is_cut_and_its_work_stops(make_gateway: Make, cancelled: threading.Event) -> None:
    gateway = make_gateway(answer_seconds=0.3)
    gateway.stage.held = True
    body = json.dumps({"input": "One. " * 800, "voice": "small-voice", "response_format": "pcm"}).encode()
    head = f"host: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    with connect_deaf(gateway) as connection:
        connection.sendall(f"POST /v1/audio/speech HTTP/1.1\r\n{head}\r\n".encode() + body)
        gateway.stage.permit(200)  # so much is made that it must wait for its reader
        wait_until(lambda: not gateway.server.server_state.connections)
        assert cancelled.wait(30)
        assert gateway.stage.step_until_stopped()
    wait_until(lambda: gateway.runtime.jobs.count == 0)


def test_work_that_takes_longer_than_a_body_may_is_not_cut(make_gateway: Make) -> None:
    gateway = make_gateway(body_seconds=1.0, header_seconds=1.0)
    gateway.stage.held = True
    passed = threading.Timer(2.0, gateway.stage.release)
    passed.start()
    said = httpx.post(f"{gateway.url}/v1/audio/speech", json={"input": "One.", "voice": "small-voice"}, timeout=20)
    assert said.status_code == 200
    passed.join()


@pytest.mark.parametrize("pieces", [1, 50])
def test_a_head_that_is_too_long_is_431(make_gateway: Make, pieces: int) -> None:
    gateway = make_gateway(max_header_bytes=4096)
    lines = b"".join(b"x-%d: %s\r\n" % (number, b"y" * 200) for number in range(50))
    head = b"GET /health HTTP/1.1\r\nhost: localhost\r\n" + lines
    with connect(gateway) as connection:
        try:
            step = len(head) // pieces
            for start in range(0, len(head), step):
                connection.sendall(head[start : start + step])
            status, _, body = read_all(connection)
        except (ConnectionResetError, BrokenPipeError):
            return  # cut while it was still being sent: as good a refusal
    assert (status, json.loads(body)["error"]["code"]) == (431, "request_header_fields_too_large")
    assert "TAWNY_MAX_HEADER_BYTES" in body.decode()


def test_a_connection_too_many_is_answered_and_closed_and_later_there_is_room(make_gateway: Make) -> None:
    gateway = make_gateway(max_connections=2)
    with connect(gateway), connect(gateway), connect(gateway) as third:
        status, headers, body = read_all(third)
    assert (status, json.loads(body)["error"]["code"]) == (503, "busy")
    assert int(headers["retry-after"]) >= 1
    assert httpx.get(f"{gateway.url}/health").status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /health\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"POST /v1/images/plans HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"POST /v1/images/plans HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/images/plans HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost: localhost\r\nx\x00y: 1\r\n\r\n",
    ],
    ids=["TLS", "no version", "no host", "two hosts", "two lengths", "negative", "bad chunk", "bad path", "NUL"],
)
def test_what_is_no_http_is_refused_in_the_body_of_every_refusal(gateway: Gateway, sent: bytes) -> None:
    with connect(gateway) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        status, headers, body = read_all(connection)
    assert 400 <= status < 500
    assert set(json.loads(body)["error"]) == {"message", "type", "param", "code"}
    assert headers["x-request-id"]


@pytest.mark.parametrize("depth", [10_000, 200_000])
@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"op":'])
def test_deeply_nested_json_is_a_bad_request(gateway: Gateway, client: httpx.Client, depth: int, opening: str) -> None:
    bomb = opening * depth
    plain = client.post("/v1/images/plans", content=bomb, headers={"content-type": "application/json"})
    assert plain.status_code == 400
    whole = "[" * depth + "]" * depth
    for text in (bomb, whole):
        files = {"image": ("x.png", b"no picture", "image/png")}
        nested = client.post("/v1/images/edits", files=files, data={"operations": text[:1_000_000]})
        assert 400 <= nested.status_code < 500, nested.text
    body = '{"command": ' + whole + "}"
    assert (
        client.post("/v1/images/plans", content=body, headers={"content-type": "application/json"}).status_code == 400
    )
    assert client.get("/health").status_code == 200
