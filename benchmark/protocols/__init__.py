"""The official protocols, shipped as JSON files beside this module."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

from benchmark.protocols.schema import Protocol, expand, parse_protocol, read_protocol
from nvfair_tools.errors import NvfairError


def names() -> list[str]:
    """Names of the protocols that ship with the package."""
    folder = resources.files(__name__)
    return sorted(item.name.removesuffix(".json") for item in folder.iterdir() if item.name.endswith(".json"))


def load(name_or_path: str | Path) -> Protocol:
    """A shipped protocol by its name, one member of a shipped sweep by its own (`nvfair-duration-4`), or one from a
    file (anything that ends in .json)."""
    text = str(name_or_path)
    if text.endswith(".json"):
        return read_protocol(text)
    known = names()
    if text in known:
        return _shipped(text)
    # A member's name begins with its sweep's.
    for sweep in (name for name in known if text.startswith(f"{name}-")):
        for member in expand(_shipped(sweep)):
            if member.name == text:
                return member
    raise NvfairError(
        f"protocol {text!r} is unknown", expected=f"one of {', '.join(known)}, or the path of a .json file"
    )


def load_all(name_or_path: str | Path) -> list[Protocol]:
    """What `load` gives, a sweep as its plain protocols."""
    return expand(load(name_or_path))


def _shipped(name: str) -> Protocol:
    content = json.loads((resources.files(__name__) / f"{name}.json").read_text(encoding="utf-8"))
    return parse_protocol(content, where=f"protocol {name}")
