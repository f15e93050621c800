"""The page's files as the gateway serves them: types, policy, caching, nothing else."""

from __future__ import annotations

import re

import httpx
import pytest

from api.routes.web import FILES, FOLDER, MEDIA_TYPES


def test_every_file_of_the_page_is_served_with_its_type_and_policy(client: httpx.Client) -> None:
    assert {path for path in FOLDER.rglob("*") if path.is_file()} == set(FILES.values())
    for name, path in FILES.items():
        answer = client.get(f"/web/{name}")
        assert answer.status_code == 200
        assert answer.content == path.read_bytes()
        assert answer.headers["content-type"] == MEDIA_TYPES[path.suffix]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert "unsafe" not in answer.headers["content-security-policy"]
    assert client.get("/").content == (FOLDER / "index.html").read_bytes()


def test_a_file_that_did_not_change_is_not_sent_again(client: httpx.Client) -> None:
    first = client.get("/web/main.js")
    assert first.headers["cache-control"] == "no-cache"
    for known in (first.headers["etag"], f'"other", W/{first.headers["etag"]}'):
        again = client.get("/web/main.js", headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
    assert client.get("/web/main.js", headers={"if-none-match": '"other"'}).status_code == 200
    head = client.head("/web/main.js")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/web/",
        "/web/../app.py",
        "/web/%2e%2e/app.py",
        "/web/..%2fapp.py",
        "/web//etc/passwd",
        "/web/style",
        "/web/x.js",
    ],
)
def test_nothing_else_is_served(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_the_page_names_no_other_host_and_holds_no_inline_code() -> None:
    for path in FILES.values():
        text = path.read_text(encoding="utf-8")
        hosts = set(re.findall(r"https?://([^\s\"'/)]+)", text)) - {"www.w3.org", "127.0.0.1"}
        assert hosts == set(), path.name
        if path.suffix == ".js":
            assert not re.search(r"\b(innerHTML|outerHTML|insertAdjacentHTML|eval|new Function)\b", text), path.name
            assert text.count("\n") <= 250, f"{path.name} is more than one idea"
    page = FILES["index.html"].read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=|<style", page)


def test_every_module_that_is_imported_is_there() -> None:
    for path in FILES.values():
        if path.suffix == ".js":
            for name in re.findall(r"from '\./([\w./]+)'", path.read_text(encoding="utf-8")):
                assert name in FILES, f"{path.name} imports {name}"
