"""Settings: read from variables, checked, explained; what is unsafe is refused."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api.environment import explain, read, unknown
from api.settings import Settings, SettingsError, variable
from inference.engines import ENGINES
from inference.settings import ROOT
from inference.settings import Settings as InferenceSettings


def test_without_variables_the_defaults_hold() -> None:
    assert read({}) == Settings()
    assert (Settings().host, Settings().port) == ("127.0.0.1", 8000)
    assert Settings().for_inference() == InferenceSettings()


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("TAWNY_PORT", "9001", "port", 9001),
        ("TAWNY_HOST", " 0.0.0.0 ", "host", "0.0.0.0"),
        ("TAWNY_API_KEY", "secret", "api_key", "secret"),
        ("TAWNY_INPAINTER", "sd15, starter-inpainting,", "preferences", {"inpainter": ("sd15", "starter-inpainting")}),
        ("TAWNY_SYSFS_ROOT", "/somewhere", "sysfs_root", Path("/somewhere")),
        ("TAWNY_MODELS", "weights", "models", Path.cwd() / "weights"),
        ("TAWNY_REQUIRE_GPU", "Yes", "require_gpu", True),
        ("TAWNY_REQUIRE_GPU", "0", "require_gpu", False),
        ("TAWNY_IDLE_SECONDS", "-1", "idle_seconds", -1.0),
        ("TAWNY_SPEAKER_IDLE_SECONDS", "2.5", "idle", {"speaker": 2.5}),
        ("TAWNY_SUBJECT_FINDER_DEVICE", "cpu", "devices", {"subject_finder": "cpu"}),
        ("TAWNY_MAX_PIXELS", "", "max_pixels", Settings().max_pixels),
    ],
)
def test_a_variable_becomes_a_typed_field(name: str, text: str, field: str, value: Any) -> None:
    assert getattr(read({name: text}), field) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TAWNY_PORT", "http"),
        ("TAWNY_PORT", "70000"),
        ("TAWNY_DEVICE", "cuda"),
        ("TAWNY_SPEAKER_DEVICE", "npu"),
        ("TAWNY_REQUIRE_GPU", "maybe"),
        ("TAWNY_MAX_AUDIO_SECONDS", "nan"),
        ("TAWNY_MAX_PIXELS", "0"),
        ("TAWNY_GRACE_SECONDS", "-1"),
        ("TAWNY_PINNED", "painter"),
        ("TAWNY_LOG_LEVEL", "loud"),
        ("TAWNY_API_KEY", "schlüssel"),
    ],
)
def test_a_value_that_cannot_be_meant_names_its_variable(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read({name: text})


def test_a_secret_in_the_wrong_variable_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as raised:
        read({"TAWNY_PORT": "hunter2"})
    assert "hunter2" not in str(raised.value)
    assert "hunter2" not in repr(read({"TAWNY_API_KEY": "hunter2"}))


def test_an_unknown_name_is_a_warning_with_the_nearest_known_one() -> None:
    (sentence,) = unknown({"TAWNY_MODEL": "x", "TAWNY_PORT": "1", "TAWNY_TUNING": "off", "PATH": "/bin"})
    assert sentence.startswith("TAWNY_MODEL ")
    assert sentence.endswith("TAWNY_MODELS")


def test_wishes_reach_the_computing_half() -> None:
    inference = read(
        {
            "TAWNY_DEVICE": "cpu",
            "TAWNY_INPAINTER_DEVICE": "gpu",
            "TAWNY_PARSER": "qwen3-1.7b,command-parser",
            "TAWNY_INPAINTER_IDLE_SECONDS": "0",
            "TAWNY_PINNED": "parser,transcriber",
            "TAWNY_QUEUE_LENGTH": "3",
            "TAWNY_JOB_LIMIT": "4",
            "HSA_OVERRIDE_GFX_VERSION": "11.0.0",
            "TAWNY_TUNING": "off",
            "TAWNY_API_KEY": "secret",
            "HOME": "/root",
        }
    ).for_inference()
    assert (inference.wish("inpainter"), inference.wish("speaker")) == ("gpu", "cpu")
    assert inference.preferences == {"parser": ("qwen3-1.7b", "command-parser")}
    assert inference.idle == {"inpainter": 0.0}
    assert inference.pinned == {"parser", "transcriber"}
    assert (inference.queue_length, inference.job_limit) == (3, 4)
    assert inference.environment == {"HSA_OVERRIDE_GFX_VERSION": "11.0.0", "TAWNY_TUNING": "off"}


def test_every_variable_is_explained_by_a_sentence() -> None:
    told = {name: sentence for name, _, sentence in explain()}
    plain = {item.name for item in dataclasses.fields(Settings)} - {
        "environment",
        "preferences",
        "devices",
        "idle",
        "patience",
    }
    by_engine = {
        engine.name + suffix for engine in ENGINES for suffix in ("", "_device", "_idle_seconds", "_patience_seconds")
    }
    assert set(told) == {variable(name) for name in plain | by_engine}
    assert all(sentence.endswith(".") and "this engine" not in sentence for sentence in told.values())
    assert "the face_finder" in told["TAWNY_FACE_FINDER_DEVICE"]


def test_only_the_settings_read_the_environment() -> None:
    readers = [
        path.relative_to(ROOT)
        for path in (ROOT / "api").rglob("*.py")
        if "os.environ" in path.read_text() or "getenv" in path.read_text()
    ]
    assert readers == [Path("api/environment.py")]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]"])
def test_loopback_needs_no_key(host: str) -> None:
    Settings(host=host).check_exposure()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.20", "::", "box.lan"])
def test_anything_else_needs_one(host: str) -> None:
    with pytest.raises(SettingsError, match="TAWNY_API_KEY"):
        Settings(host=host).check_exposure()
    Settings(host=host, api_key="secret").check_exposure()


def test_the_program_refuses_to_start_exposed_and_says_how_to_set_a_key() -> None:
    environment = {**os.environ, "TAWNY_HOST": "0.0.0.0", "TAWNY_PORT": "0"}
    ended = subprocess.run(
        [sys.executable, "-m", "api"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 2
    assert "TAWNY_API_KEY" in ended.stderr
    assert "Traceback" not in ended.stderr
