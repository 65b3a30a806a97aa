"""Runs the viewer on this machine's loopback address until Ctrl-C."""

from __future__ import annotations

import errno
import socket
import webbrowser

import uvicorn

from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text
from nvfair_tools.viewer.access import new_token
from nvfair_tools.viewer.app import create_app
from nvfair_tools.viewer.open_set import Watched

ADDRESS = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """A listening socket on the loopback address; port 0 is any free one. Raises NvfairError where it is in use."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((ADDRESS, port))
        listening.listen()  # a browser that is quicker than the server waits, and is not refused
    except OSError as error:
        listening.close()
        taken = error.errno in (errno.EADDRINUSE, errno.EACCES)
        raise NvfairError(
            f"port {port} cannot be used: {error.strerror}",
            expected="a free port",
            remedy="name another --port, or none: a free one is chosen" if taken else "",
        ) from error
    return listening


def run_viewer(watched: Watched, listening: socket.socket, token: str, *, open_browser: bool) -> None:
    """Serves the viewer of a data set on a socket until SIGINT or SIGTERM, which it raises again at its end."""
    app = create_app(watched, token)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=2
    )
    if open_browser:
        webbrowser.open(address_of(listening, token))
    uvicorn.Server(config).run(sockets=[listening])


def address_of(listening: socket.socket, token: str) -> str:
    """The address to open in a browser."""
    return f"http://{ADDRESS}:{listening.getsockname()[1]}/?token={token}"


def start_text(watched: Watched, address: str) -> str:
    """What the command prints before it serves: what is looked at, and where. Raises NvfairError as `current` does."""
    dataset = watched.current().dataset
    return (
        f"{dataset.folder}: {count_text(len(dataset.videos), 'video')}, "
        f"{count_text(len(dataset.identities), 'person')}\n{address}\nopen this address in a browser on this machine; "
        "Ctrl-C stops"
    )


__all__ = ["Watched", "address_of", "listen", "new_token", "run_viewer", "start_text"]
