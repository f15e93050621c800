"""Keys of clients: a file of hashes, the script that writes it, and whose request it was."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from api.keys import KeyRing, KeysUnreadableError, add_key, hash_key, read_keys, remove_key
from api.settings import Settings
from inference.settings import ROOT
from tests.fakes import Gateway

Make = Callable[..., Gateway]


def ask(gateway: Gateway, key: str) -> int:
    """Return the status of a request with this key."""
    return httpx.get(f"{gateway.url}/v1/models", headers={"authorization": f"Bearer {key}"}).status_code


def test_the_file_holds_names_and_hashes_and_no_key(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    phone, tablet = add_key(file, "phone"), add_key(file, "tablet")
    assert phone != tablet
    assert len(phone) > 40
    assert read_keys(file) == {"phone": hash_key(phone), "tablet": hash_key(tablet)}
    assert phone not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file], "no draft is left"


@pytest.mark.parametrize("name", ["", "a b", "a:b", "-a", "x" * 65, "ä", "a\n"])
def test_a_name_that_would_break_the_file_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeysUnreadableError):
        add_key(tmp_path / "keys", name)


@pytest.mark.parametrize("text", ["phone", "phone:1234", "phone:" + "g" * 64, f"a:{'0' * 64}\na:{'1' * 64}", "\udcff"])
def test_a_broken_file_names_its_line_and_never_its_content(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(KeysUnreadableError) as caught:
        read_keys(file)
    assert "1234" not in str(caught.value)


def test_each_key_opens_is_named_in_the_log_and_can_be_taken_away(
    make_gateway: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys"
    phone, tablet = add_key(file, "phone"), add_key(file, "tablet")
    gateway = make_gateway(api_keys_file=str(file), api_key="the-old-one")
    caplog.set_level(logging.INFO, "tawny.access")
    assert [ask(gateway, key) for key in (phone, tablet, "the-old-one", "wrong", "-")] == [200, 200, 200, 401, 401]
    assert ask(gateway, hash_key(phone)) == 401, "who reads the file cannot come in with what stands there"
    assert remove_key(file, "phone")
    guest = add_key(file, "guest")
    assert [ask(gateway, key) for key in (phone, tablet, guest)] == [401, 200, 200]
    lines = [record.getMessage() for record in caplog.records if record.name == "tawny.access"]
    assert any(line.endswith("key=phone") for line in lines)
    assert any(line.endswith("key=tablet") for line in lines)
    assert not any(key in line for line in lines for key in (phone, tablet, guest, "the-old-one"))


def test_a_file_that_breaks_while_the_server_runs_locks_nobody_out(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    key = add_key(file, "phone")
    ring = KeyRing("", file)
    file.write_text("what is this")
    assert ring.owner(key) == "phone"
    file.unlink()
    assert ring.owner(key) == "phone"
    add_key(file, "tablet")
    assert ring.owner(key) is None


def test_an_empty_file_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "keys").touch()
    ring = KeyRing("", tmp_path / "keys")
    assert ring.asks
    assert ring.owner("") is None


def test_a_file_of_keys_is_enough_beyond_loopback_and_a_missing_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    with pytest.raises(KeysUnreadableError):
        Settings(host="0.0.0.0", api_keys_file=str(file)).check_exposure()
    add_key(file, "phone")
    Settings(host="0.0.0.0", api_keys_file=str(file)).check_exposure()


def test_the_script_adds_lists_and_removes(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    environment = {**os.environ, "TAWNY_API_KEYS_FILE": str(file)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["./scripts/keys", *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
        )

    key = run("add", "phone").stdout.strip()
    assert KeyRing("", file).owner(key) == "phone"
    assert run("add", "phone").returncode != 0
    assert run("list").stdout == "phone\n"
    assert run("remove", "phone").returncode == 0
    assert run("remove", "phone").returncode != 0
    assert run("list").stdout.strip() == ""
    assert "usage" in run("burn").stderr
