"""The container's files: devices, numeric groups, volumes, key and health check. No container engine is needed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.environment import unknown
from api.settings import Settings, variable

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    """The one service of the compose file."""
    told = yaml.safe_load((ROOT / "compose.rocm.yml").read_text(encoding="utf-8"))
    assert set(told) == {"services", "volumes"}
    assert list(told["services"]) == ["tawny"]
    mounted = {volume.split(":")[0] for volume in told["services"]["tawny"]["volumes"]}
    assert mounted == set(told["volumes"])
    service: dict[str, Any] = told["services"]["tawny"]
    return service


def test_the_gpu_reaches_the_container(service: dict[str, Any]) -> None:
    assert service["devices"] == ["/dev/kfd", "/dev/dri"]
    assert service["build"]["args"]["TORCH"] == "rocm"


def test_groups_are_numbers_that_the_host_must_give(service: dict[str, Any]) -> None:
    for group in service["group_add"]:
        assert re.fullmatch(r"\$\{(RENDER|VIDEO)_GID:\?.*stat -c %g /dev/.*\}", group), group


def test_every_variable_is_a_setting_and_none_spoofs_the_gpu(service: dict[str, Any]) -> None:
    environment = service["environment"]
    assert unknown(dict.fromkeys(environment, "x")) == []
    assert not any(name.startswith("HSA_") for name in environment)
    assert ":?" in environment["TAWNY_API_KEY"], "beyond loopback the gateway starts with a key only"


def test_models_and_state_survive_the_image(service: dict[str, Any]) -> None:
    kept = {volume.split(":")[1] for volume in service["volumes"]}
    assert kept == {"/data/models", "/data/state"}
    for name, folder in (("models", "/data/models"), ("state", "/data/state")):
        assert f"{variable(name)}={folder}" in DOCKERFILE


def test_the_health_check_is_bounded_and_the_port_stays_on_the_hosts_loopback(service: dict[str, Any]) -> None:
    check = service["healthcheck"]
    assert "/health" in check["test"][-1] and "timeout=" in check["test"][-1]
    assert {"interval", "timeout", "start_period"} <= set(check)
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert float(service["stop_grace_period"].removesuffix("s")) > Settings().grace_seconds


def test_the_image_runs_as_nobody_special_and_copies_only_what_is_there() -> None:
    assert re.search(r"^USER (?!root)\w+", DOCKERFILE, re.MULTILINE)
    for sources in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".git", ".venv", "models/store", "state"} <= set(ignored)
