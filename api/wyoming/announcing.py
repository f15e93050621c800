"""Tells the network of the Wyoming ports by multicast DNS, so that Home Assistant finds them by itself.

    async with announced("0.0.0.0", {"hearing": 10300, "speaking": 10200}):
        ...

Of everything that Tawny does this alone sends what nobody asked for: a few packets to the local network, no further,
and only where ``TAWNY_WYOMING_ANNOUNCE`` says so. The wyoming package's own class would do it on every interface and
never take it back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from zeroconf import Error, IPVersion
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

log = logging.getLogger("tawny.wyoming")

SERVICE = "_wyoming._tcp.local."
"""What Home Assistant looks for."""

MULTICAST = ("224.0.0.251", 5353)
EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 - asked for elsewhere, only recognised here


@asynccontextmanager
async def announced(host: str, ports: Mapping[str, int]) -> AsyncIterator[None]:
    """Announce ``ports``, by what they are for, at ``host`` until the block ends; then take it back.

    It starts in the background, and what hinders it is only a warning: the ports serve all the same.
    """
    announcing = asyncio.ensure_future(_announce(host, ports))
    try:
        yield
    finally:
        announcing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await announcing


async def _announce(host: str, ports: Mapping[str, int]) -> None:
    try:
        address = await asyncio.to_thread(address_of, host)
        # On the one interface that the ports are reached by.
        responder = AsyncZeroconf(interfaces=[address], ip_version=IPVersion.V4Only)
    except OSError as error:
        log.warning("the Wyoming ports cannot be announced: %s", error)
        return
    try:
        for purpose, port in ports.items():
            service = AsyncServiceInfo(
                SERVICE,
                f"Tawny {purpose} on {socket.gethostname().partition('.')[0]}.{SERVICE}",
                addresses=[socket.inet_aton(address)],
                port=port,
            )
            await (await responder.async_register_service(service, allow_name_change=True))
            log.info("announced as %r at %s, port %d", service.name, address, port)
        await asyncio.Event().wait()
    except (Error, OSError) as error:
        log.warning("the Wyoming ports cannot be announced: %s", error or type(error).__name__)
    finally:
        await responder.async_unregister_all_services()
        await responder.async_close()


def address_of(host: str) -> str:
    """Return the IPv4 address at which others reach ``host``; for all addresses, that of the way to the network.

    Raises `OSError` where there is none.
    """
    if host not in EVERY_ADDRESS:
        return str(socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_DGRAM)[0][4][0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(MULTICAST)  # sends nothing: it only asks the kernel for the way
        return str(probe.getsockname()[0])
