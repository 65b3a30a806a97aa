"""The official protocols, shipped as JSON files beside this module."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

from nvfair_tools.errors import NvfairError
from nvfair_tools.protocol import Protocol, parse_protocol, read_protocol


def names() -> list[str]:
    """Names of the protocols that ship with the package."""
    folder = resources.files(__name__)
    return sorted(item.name.removesuffix(".json") for item in folder.iterdir() if item.name.endswith(".json"))


def load(name_or_path: str | Path) -> Protocol:
    """A shipped protocol by its name, or one from a file (anything that ends in .json)."""
    text = str(name_or_path)
    if text.endswith(".json"):
        return read_protocol(text)
    if text not in names():
        raise NvfairError(
            f"protocol {text!r} is unknown", expected=f"one of {', '.join(names())}, or the path of a .json file"
        )
    content = json.loads((resources.files(__name__) / f"{text}.json").read_text(encoding="utf-8"))
    return parse_protocol(content, where=f"protocol {text}")
