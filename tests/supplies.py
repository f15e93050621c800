"""What the tests of the model supply share: small wheels, small manifests, and a small hub on loopback."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

from inference.catalogue import Catalogue
from scripts.supply.fetching import Fetcher
from scripts.supply.progress import Progress
from scripts.supply.shelf import Shelf

COMMIT = "c0ffee" + "0" * 34


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def make_wheel(folder: Path, name: str, members: Mapping[str, bytes], version: str = "1.0.0") -> Path:
    """Write an installable wheel that holds ``members`` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(f"{module}/{member}", content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def model(name: str, *sources: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a model's manifest entry with plausible values for what a test does not care about."""
    entry: dict[str, Any] = {"id": name, "engine": "speaker", "title": f"Model {name}", "licence": "MIT"}
    return {**entry, "bytes": 100, "needs_bytes": 100, "sources": list(sources), **fields}


def wheel_source(packages: list[str], files: Mapping[str, tuple[list[str], bytes]], **fields: Any) -> dict[str, Any]:
    """``files`` maps a path to the archive members that make it and the content that should come out."""
    listed = [
        {"path": path, "bytes": len(content), "sha256": sha256(content), "members": members}
        for path, (members, content) in files.items()
    ]
    return {"kind": "wheel", "packages": packages, "files": listed, **fields}


def write_manifest(folder: Path, *models: dict[str, Any], **tables: dict[str, Any]) -> Path:
    """Write ``folder/models/manifest.toml``. JSON values are TOML values for all that is used here."""

    def value(thing: Any) -> str:
        if isinstance(thing, dict):
            return "{ " + ", ".join(f"{json.dumps(key)} = {value(inner)}" for key, inner in thing.items()) + " }"
        if isinstance(thing, list):
            return "[" + ", ".join(value(inner) for inner in thing) + "]"
        return json.dumps(thing)

    lines = []
    for table, entries in tables.items():
        lines += [f"[{table}]", *(f"{json.dumps(key)} = {value(entry)}" for key, entry in entries.items())]
    for entry in models:
        lines += ["[[model]]", *(f"{key} = {value(inner)}" for key, inner in entry.items())]
    path = folder / "models" / "manifest.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@dataclass
class Supply:
    """A manifest, a store and an index of wheels in one folder, and a fetcher on them that writes to ``said``."""

    folder: Path
    said: StringIO = field(default_factory=StringIO)

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def index(self) -> Path:
        return self.folder / "index"

    def catalogue(self, *models: dict[str, Any], **tables: dict[str, Any]) -> Catalogue:
        return Catalogue.load(write_manifest(self.folder, *models, **tables))

    def fetcher(self, **fields: Any) -> Fetcher:
        fields = {"shelf": Shelf(self.store), "pause": lambda _: None, **fields}
        return Fetcher(progress=Progress(self.said, bars=False), **fields)


@dataclass
class FakeHub:
    """As much of a model hub as `huggingface_hub` 2.4 asks of one, on loopback.

    ``files`` maps ``repo/path`` to content; names in ``large`` have a SHA-256 and lie on the content network, to
    which the hub redirects. ``cuts`` are the numbers of bytes after which the next answers break off; ``ranges``
    says whether it honours Range. ``asked`` collects (path, Range) of every request for a file's content.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)
    cuts: list[int] = field(default_factory=list)
    lies: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)

    def __enter__(self) -> FakeHub:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                hub._answer(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        path = unquote(urlsplit(request.path).path)
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self._describe("/".join(parts[2:4]), parts[4], "/".join(parts[6:]), request)
        elif "/resolve/" in path:
            repo, _, rest = path.strip("/").partition("/resolve/")
            name = f"{repo}/{rest.partition('/')[2]}"
            if name in self.large:
                _reply(request, 302, b"", {"Location": f"{self.endpoint}/content/{name}"})
            else:
                self._send(request, name)
        else:
            self._send(request, path.removeprefix("/content/"))

    def _describe(self, repo: str, what: str, folder: str, request: BaseHTTPRequestHandler) -> None:
        inside = {
            name.removeprefix(repo + "/"): body for name, body in self.files.items() if name.startswith(repo + "/")
        }
        if not inside:
            _reply(request, 404, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"})
        elif what == "revision":
            self.resolved.append(repo)
            _reply(request, 200, json.dumps({"id": repo, "sha": COMMIT}).encode())
        else:
            entries = [self._entry(repo, name, body) for name, body in inside.items() if name.startswith(folder)]
            _reply(request, 200, json.dumps(entries).encode(), {"Content-Type": "application/json"})

    def _entry(self, repo: str, name: str, body: bytes) -> dict[str, Any]:
        oid = hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()
        entry: dict[str, Any] = {"type": "file", "path": name, "size": len(body), "oid": oid}
        if f"{repo}/{name}" in self.large:
            entry["lfs"] = {"oid": sha256(body), "size": len(body), "pointerSize": 130}
        return entry

    def _send(self, request: BaseHTTPRequestHandler, name: str) -> None:
        wanted = request.headers.get("Range")
        self.asked.append((name, wanted))
        body = self.lies.get(name, self.files[name])
        status, headers = 200, {}
        if wanted is not None and self.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            status, headers = 206, {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
            body = body[start:]
        cut = self.cuts.pop(0) if self.cuts else None
        _reply(request, status, body, headers, cut)


def _reply(
    request: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    cut: int | None = None,
) -> None:
    request.send_response(status)
    for name, value in (headers or {}).items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body[:cut])
    if cut is not None:
        request.close_connection = True
