"""A gateway of its own for a measurement: started as a user starts it, on a free port, ended afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@contextmanager
def running(settings: Mapping[str, str]) -> Iterator[str]:
    """Yield the address of a gateway with ``settings`` in its environment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as state:
        environment = {**os.environ, "TAWNY_PORT": str(port), "TAWNY_STATE": state, "TAWNY_LOG_LEVEL": "warning"}
        command = [sys.executable, "-m", "api"]
        process = subprocess.Popen(command, cwd=ROOT, env={**environment, **settings}, stdout=subprocess.PIPE)
        assert process.stdout is not None
        try:
            if b"127.0.0.1" not in process.stdout.readline():
                raise RuntimeError("the gateway did not start; its log says why")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.stdout.close()
            process.wait(60)
