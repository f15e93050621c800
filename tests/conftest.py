"""Fixtures that several test modules share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.settings import Settings
from tests.fakes import Gateway, serve


@pytest.fixture
def make_gateway(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Serve gateways with fakes; arguments are settings, and ``missing`` names engines without a model."""
    served: list[Gateway] = []

    def make(missing: Sequence[str] = (), **settings: Any) -> Gateway:
        gateway = serve(tmp_path, Settings(**settings), missing)
        served.append(gateway)
        return gateway

    yield make
    for gateway in served:
        gateway.stop()


@pytest.fixture
def gateway(make_gateway: Callable[..., Gateway]) -> Gateway:
    """A gateway with fakes and default settings on a real socket."""
    return make_gateway()


@pytest.fixture
def client(gateway: Gateway) -> Iterator[httpx.Client]:
    """A plain HTTP client of that gateway."""
    with httpx.Client(base_url=gateway.url, timeout=30) as client:
        yield client
