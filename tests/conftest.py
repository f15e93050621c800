"""Fixtures that several test modules share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx._config import DEFAULT_TIMEOUT_CONFIG
from playwright.sync_api import Browser

from api.settings import Settings
from inference.jobs import Job
from tests import browser
from tests.fakes import STAGE, Gateway, Stage, serve, tone, wav

# A machine that is busy with something else answers late; five seconds, httpx's own, are too few to call it wrong.
for _name in ("connect", "read", "write", "pool"):
    setattr(DEFAULT_TIMEOUT_CONFIG, _name, 60.0)


@pytest.fixture
def stage() -> Iterator[Stage]:
    """What this test says to the fakes."""
    STAGE[0] = Stage()
    yield STAGE[0]
    STAGE[0].release()


@pytest.fixture
def make_gateway(tmp_path: Path, stage: Stage) -> Iterator[Callable[..., Gateway]]:
    """Serve gateways with fakes; arguments are settings, and ``missing`` names engines without a model."""
    served: list[Gateway] = []

    def make(missing: Sequence[str] = (), **settings: Any) -> Gateway:
        gateway = serve(tmp_path, Settings(**settings), missing)
        served.append(gateway)
        return gateway

    yield make
    for gateway in served:
        gateway.stop()


@pytest.fixture(scope="module")
def module_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The gateway that the tests of a module share."""
    gateway = serve(tmp_path_factory.mktemp("gateway"), Settings())
    yield gateway
    gateway.stop()


@pytest.fixture
def gateway(module_gateway: Gateway, stage: Stage) -> Gateway:
    """A gateway with fakes and default settings on a real socket; its engines may be loaded already."""
    return module_gateway


@pytest.fixture
def client(gateway: Gateway) -> Iterator[httpx.Client]:
    """A plain HTTP client of that gateway."""
    with httpx.Client(base_url=gateway.url, timeout=30) as client:
        yield client


@pytest.fixture
def cancelled(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once a job that this test started has been cancelled; jobs of tests before it may still be ending."""
    happened = threading.Event()
    ours: list[Job[Any]] = []
    cancel, begin = Job.cancel, Job.__init__

    def begin_and_note(job: Job[Any], *args: Any, **kwargs: Any) -> None:
        begin(job, *args, **kwargs)
        ours.append(job)

    def cancel_and_tell(job: Job[Any]) -> None:
        cancel(job)
        if job in ours:
            happened.set()

    monkeypatch.setattr(Job, "__init__", begin_and_note)
    monkeypatch.setattr(Job, "cancel", cancel_and_tell)
    return happened


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium with a microphone that hears a tone. The module that uses it may run no event loop of its own."""
    if browser.CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    heard = tmp_path_factory.mktemp("microphone") / "tone.wav"
    heard.write_bytes(wav(tone(2.0, 16_000)))
    with browser.chromium(heard) as started:
        yield started


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., browser.Editor]]:
    """Open the page of a gateway in a new window; arguments are those of `browser.Editor`."""
    opened: list[browser.Editor] = []

    def open_editor(url: str, **options: Any) -> browser.Editor:
        opened.append(browser.Editor(chromium, url, **options))
        return opened[-1]

    yield open_editor
    for editor in opened:
        editor.close()


@pytest.fixture
def editor(open_page: Callable[..., browser.Editor], gateway: Gateway) -> browser.Editor:
    """The page of the module's gateway on a desk."""
    return open_page(gateway.url)
