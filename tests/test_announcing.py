"""What Home Assistant sees of the Wyoming ports: real multicast DNS, on loopback alone."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack

import pytest
from zeroconf import IPVersion, ServiceListener, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from api.environment import read
from api.settings import SettingsError
from api.wyoming.announcing import SERVICE, address_of, announced

PATIENCE = 20.0


class Watcher(ServiceListener):
    """Who looks for services, as Home Assistant does."""

    def __init__(self, expected: int) -> None:
        self.here: set[str] = set()
        self.all_here = asyncio.Event()
        self.all_gone = asyncio.Event()
        self._expected = expected

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        """Note one that came."""
        self.here.add(name)
        if len(self.here) == self._expected:
            self.all_here.set()

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        """Note one that went."""
        self.here.discard(name)
        if not self.here:
            self.all_gone.set()

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        """Updates are nothing to it."""


async def watch(ports: dict[str, int]) -> dict[str, tuple[int, list[str]]]:
    """Announce ``ports`` on loopback; return port and addresses by name as they are found, when all are gone again."""
    async with AsyncExitStack() as stack:
        world = AsyncZeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
        stack.push_async_callback(world.async_close)
        watcher = Watcher(len(ports))
        browser = AsyncServiceBrowser(world.zeroconf, SERVICE, listener=watcher)
        stack.push_async_callback(browser.async_cancel)
        found: dict[str, tuple[int, list[str]]] = {}
        async with announced("127.0.0.1", ports):
            await asyncio.wait_for(watcher.all_here.wait(), PATIENCE)
            for name in watcher.here:
                service = AsyncServiceInfo(SERVICE, name)
                assert await service.async_request(world.zeroconf, PATIENCE * 1000)
                found[name] = service.port or 0, service.parsed_addresses()
        await asyncio.wait_for(watcher.all_gone.wait(), PATIENCE)
        return found


def test_both_ports_are_found_and_leave_with_the_server() -> None:
    found = asyncio.run(watch({"hearing": 10300, "speaking": 10200}))
    assert sorted(found.values()) == [(10200, ["127.0.0.1"]), (10300, ["127.0.0.1"])]
    assert {name.split(" on ")[0] for name in found} == {"Tawny hearing", "Tawny speaking"}


def test_what_hinders_the_announcement_is_only_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    async def go() -> None:
        async with announced("no-such-host.invalid", {"hearing": 10300}):
            await asyncio.wait_for(asyncio.to_thread(lambda: None), PATIENCE)
            while not caplog.records:
                await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(go(), PATIENCE))
    assert "cannot be announced" in caplog.text


def test_an_address_of_its_own_is_announced_as_it_is() -> None:
    assert address_of("127.0.0.1") == "127.0.0.1"
    with pytest.raises(socket.gaierror):
        address_of("no-such-host.invalid")


def test_every_address_is_announced_as_the_one_on_the_way_to_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    class Probe:
        def __enter__(self) -> Probe:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def connect(self, address: object) -> None:
            asked.append(address)

        def getsockname(self) -> tuple[str, int]:
            return "192.168.1.20", 40000

    monkeypatch.setattr(socket, "socket", lambda *kind: Probe())
    assert address_of("0.0.0.0") == "192.168.1.20"
    assert asked == [("224.0.0.251", 5353)]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", ""])
def test_loopback_is_never_announced(host: str) -> None:
    variables = {"TAWNY_WYOMING_ANNOUNCE": "true", "TAWNY_WYOMING_STT_PORT": "10300", "TAWNY_WYOMING_HOST": host}
    with pytest.raises(SettingsError, match="TAWNY_WYOMING_HOST"):
        read(variables)


def test_without_a_port_there_is_nothing_to_announce() -> None:
    with pytest.raises(SettingsError, match="TAWNY_WYOMING_STT_PORT"):
        read({"TAWNY_WYOMING_ANNOUNCE": "true", "TAWNY_WYOMING_HOST": "0.0.0.0"})


def test_it_is_off_unless_asked_for() -> None:
    assert read({}).wyoming_announce is False
    beyond = read({"TAWNY_WYOMING_HOST": "0.0.0.0", "TAWNY_WYOMING_STT_PORT": "10300"})
    assert beyond.wyoming_announce is False
