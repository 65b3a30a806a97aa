"""What pages refer to beside each other: the same on a server and in an export."""

from __future__ import annotations

from importlib import resources

STATIC = {"board.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml", "sort.js": "text/javascript"}


def static(name: str) -> bytes:
    """The content of static/NAME."""
    return (resources.files("leaderboard") / "static" / name).read_bytes()
