"""Waiting for what another process does, and a port that it may listen on."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from typing import Any

from nvfair_tools.media import MediaError


def wait_until(condition: Callable[[], Any], seconds: float = 600, poll_seconds: float = 0.05) -> Any:
    """Calls `condition` until it returns a true value, and returns that; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(poll_seconds)
    return value


def free_port() -> int:
    """A port on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def read_when_sent(sender: subprocess.Popen[bytes], read: Callable[[], Any]) -> Any:
    """What `read` gives of the stream of a program, called again as long as nothing listens at its address."""
    end = time.monotonic() + 120
    while True:
        try:
            return read()
        except MediaError as error:
            if error.cause != "unreadable" or sender.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.1)
