"""Run the server until every claim is decided and the last answer may no longer be taken back."""

import socket
import threading
import time

import uvicorn

from alfs_cli.auditing.desk import Desk
from alfs_cli.auditing.server import application

GRACE_SECONDS = 30.0  # after the end, in which the last answer may be taken back
LOOK_SECONDS = 0.5
PATIENCE = 2  # seconds for what is under way when it ends


def serve(
    desk: Desk, token: str, listening: socket.socket, *, grace: float = GRACE_SECONDS
) -> None:
    """Serve the page on a socket; return when it is over, raise Stopped where a signal asks."""

    def finish() -> None:
        server.should_exit = True

    config = uvicorn.Config(
        application(desk, token, finish=finish),
        log_level="critical",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=PATIENCE,
    )
    server = uvicorn.Server(config)
    watching = threading.Thread(target=_watch, args=(desk, server, grace), daemon=True)
    watching.start()
    try:
        server.run(sockets=[listening])
    finally:
        server.should_exit = True
        listening.close()


def _watch(desk: Desk, server: uvicorn.Server, grace: float) -> None:
    """End the server some seconds after the last answer, where nothing more is asked."""
    since: tuple[int, float] | None = None
    while not server.should_exit:
        time.sleep(LOOK_SECONDS)
        events = desk.over_since()
        if events is None:
            since = None
        elif since is None or since[0] != events:
            since = (events, time.monotonic())
        elif time.monotonic() - since[1] >= grace:
            server.should_exit = True
