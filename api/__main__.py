"""``python -m api``: read the settings, refuse what is unsafe, serve until told to stop."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from api.claim import FolderTakenError, claim_folder
from api.doorway import Application, Doorway
from api.environment import explain, read, unknown
from api.keys import KeysUnreadableError
from api.request_id import StampRequestId
from api.serving import Server, make_server
from api.settings import Settings, SettingsError

if TYPE_CHECKING:
    from fastapi import FastAPI  # it takes half a second, and is imported behind the door


def main() -> int:
    """Serve; return the exit status: 2 for settings that cannot stand, 1 for an address that cannot be had."""
    if "--help" in sys.argv or "-h" in sys.argv:
        _print_settings()
        return 0
    try:
        settings = read()
        settings.check_exposure()
    except (SettingsError, KeysUnreadableError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - there is no log yet
        return 2
    _start_log(settings)
    for sentence in unknown():
        logging.getLogger("tawny").warning(sentence)
    try:
        listener = _listen(settings)
    except OSError as error:
        reason = error.strerror or error
        print(f"Cannot listen on {settings.host} port {settings.port}: {reason}", file=sys.stderr)  # noqa: T201
        return 1
    try:
        claim = claim_folder(settings.state)
    except FolderTakenError as error:
        print(error, file=sys.stderr)  # noqa: T201
        listener.close()
        return 1
    servers: list[Server] = []
    failures: list[bool] = []
    apps: list[FastAPI] = []

    def give_up() -> None:
        failures.append(True)
        servers[0].should_exit = True

    def make() -> tuple[Application, AbstractAsyncContextManager[object]]:
        app, life = _make(settings)
        apps.append(app)
        return app, life

    def stop() -> None:
        for app in apps:
            app.state.errands.refuse()

    def at_work() -> bool:
        return any(app.state.runtime.jobs.count or app.state.errands.busy for app in apps)

    servers.append(make_server(Doorway(make, give_up), settings, stop, at_work))
    print(f"Tawny serves at {_address(listener)}", flush=True)  # noqa: T201 - the one line a person waits for
    with contextlib.suppress(KeyboardInterrupt):
        servers[0].run(sockets=[listener])
    claim.close()
    return 1 if failures else 0


def _make(settings: Settings) -> tuple[FastAPI, AbstractAsyncContextManager[object]]:
    """Import and make the application; on a thread, while the doorway already answers."""
    from api.app import create_app

    app = create_app(settings)
    return app, app.router.lifespan_context(app)


def _print_settings() -> None:
    print("Settings are environment variables:\n")  # noqa: T201
    for name, default, sentence in explain():
        print(f"  {name}" + (f"  (default {default})" if default else ""))  # noqa: T201
        print(f"      {sentence}")  # noqa: T201


def _start_log(settings: Settings) -> None:
    handler = logging.StreamHandler()
    handler.addFilter(StampRequestId())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s [%(request)s] %(message)s"))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])


def _listen(settings: Settings) -> socket.socket:
    """Return a listening socket, bound before anything is said about an address."""
    host = "127.0.0.1" if settings.host == "localhost" else settings.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, settings.port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    listener.set_inheritable(False)
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


if __name__ == "__main__":
    sys.exit(main())
