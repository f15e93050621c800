"""``python -m tests.offline FOLDER``: the main job on the real small models, where there is no network but loopback.

Run as root in a network namespace of its own (``unshare -n``). Brings loopback up, starts the server, has it speak a
command, hear it, plan it and paint; prints what came out and what the kernel counted of packets that had nowhere to go.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

import httpx

from inference.settings import ROOT

COMMAND = "Make it black and white and rotate it to the right."
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
GUARD = """
import os, sys
def note(file, line):
    with open(os.environ[file], "a") as lines:
        lines.write(f"{os.getpid()} {line}\\n")
def guard(event, arguments):
    if event == "socket.getaddrinfo" and arguments[0] not in (None, "localhost", "127.0.0.1", "::1"):
        told = repr(arguments[0])
    elif event in ("socket.connect", "socket.sendto", "socket.bind") and isinstance(arguments[1], tuple):
        told = None if arguments[1][0] in ("127.0.0.1", "::1", "localhost") else repr(arguments[1])
    else:
        return
    if told is not None:
        note("SOCKETS_THAT_LEFT", f"{event} {told}")
sys.addaudithook(guard)
note("SOCKET_GUARDS", "on guard")
"""


def set_guards(folder: Path) -> dict[str, str]:
    """Return variables under which every Python process notes its sockets that leave loopback; see `left_loopback`."""
    (folder / "sitecustomize.py").write_text(GUARD)
    files = {"SOCKETS_THAT_LEFT": folder / "left", "SOCKET_GUARDS": folder / "guards"}
    for file in files.values():
        file.touch()
    return {"PYTHONPATH": str(folder), **{name: str(file) for name, file in files.items()}}


def left_loopback(folder: Path) -> list[str]:
    """Return what left, a line each."""
    return (folder / "left").read_text().splitlines()


def guarded(folder: Path) -> int:
    """Return how many processes were watched."""
    return len((folder / "guards").read_text().splitlines())


def raise_loopback() -> None:
    """Do what ``ip link set lo up`` does."""
    with socket.socket() as handle:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack_from("16sH", fcntl.ioctl(handle, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def packets_without_a_route() -> int:
    """Return how many packets this namespace could not send anywhere, whoever wanted to: Python or a library."""
    rows = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Ip:")]
    count = int(dict(zip(rows[0], rows[1], strict=True))["OutNoRoutes"])
    for line in Path("/proc/net/snmp6").read_text().splitlines():
        name, _, value = line.partition(" ")
        if name == "Ip6OutNoRoutes":
            count += int(value)
    return count


def do_main_job(url: str) -> dict[str, object]:
    """Speak a command and have the picture changed as was said."""
    with httpx.Client(base_url=url, timeout=600) as client:
        said = client.post(
            "/v1/audio/speech",
            json={"input": COMMAND, "voice": "en_US-joe-medium", "response_format": "wav"},
        )
        written = client.post(
            "/v1/audio/transcriptions",
            files={"file": ("c.wav", said.content, "audio/wav")},
            data={"vad_filter": "true", "language": "en"},
        )
        picture = (ROOT / "tests" / "pictures" / "coffee.jpg").read_bytes()
        heard = client.post("/v1/images/edits", files={"image": picture, "audio": ("c.wav", said.content, "audio/wav")})
        painted = client.post(
            "/v1/images/edits",
            files={"image": picture},
            data={"operations": '[{"op":"generate","prompt":"a dog"}]', "steps": "2"},
        )
        return {
            "statuses": [said.status_code, written.status_code, heard.status_code, painted.status_code],
            "text": written.json().get("text"),
            "operations": heard.json().get("operations"),
        }


def main(folder: Path) -> None:
    """Start the server, do the job, print one line of JSON."""
    raise_loopback()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TAWNY_")}
    environment |= {"TAWNY_PORT": "0", "TAWNY_STATE": str(folder / "state"), "TAWNY_DEVICE": "cpu"}
    environment |= set_guards(folder)
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "api"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert server.stdout is not None
    told = do_main_job(server.stdout.readline().split()[-1])
    server.send_signal(signal.SIGTERM)
    server.wait(60)
    told["left loopback"] = left_loopback(folder)
    told["guarded"] = guarded(folder)
    told["no route"] = packets_without_a_route()
    # The counters count: this one has nowhere to go.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lost:
        try:
            lost.sendto(b"", ("192.0.2.1", 9))
        except OSError:
            told["counted"] = packets_without_a_route() - int(str(told["no route"]))
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
