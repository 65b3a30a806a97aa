"""The official protocols: JSON files that ship with the package, beside this module."""

from __future__ import annotations

import json
from pathlib import Path

from benchmark.protocols.reading import parse_protocol, read_protocol
from benchmark.protocols.schema import Protocol, expand_sweep
from nvfair_tools.errors import NvfairError, did_you_mean

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Names of the protocols that ship with the package, sorted."""
    return sorted(file.stem for file in _FOLDER.glob("*.json"))


def load(protocol: Protocol | str | Path) -> Protocol:
    """The protocol that a name, a file or a value stands for.

    protocol: the name of a shipped protocol; the name of one member of a shipped sweep (`nvfair-duration-4`); the path
    of a protocol file, which ends in .json; or a Protocol, which is returned unchanged.
    Raises NvfairError for an unknown name, and as `read_protocol` for a file.
    """
    if isinstance(protocol, Protocol):
        return protocol
    text = str(protocol)
    if text.endswith(".json"):
        return read_protocol(text)
    shipped_names = names()
    if text in shipped_names:
        return _read_shipped(text)
    # The name of a sweep's member begins with the name of the sweep.
    for sweep_name in (name for name in shipped_names if text.startswith(f"{name}-")):
        for member in expand_sweep(_read_shipped(sweep_name)):
            if member.name == text:
                return member
    raise NvfairError(
        f"protocol {text!r} is unknown",
        expected=f"one of {', '.join(shipped_names)}, or the path of a .json file",
        remedy=did_you_mean([text], shipped_names),
    )


def load_all(protocol: Protocol | str | Path) -> list[Protocol]:
    """The plain protocols that a name, a file or a value stands for: the members of a sweep, else one protocol.

    Raises as `load` does.
    """
    return expand_sweep(load(protocol))


def _read_shipped(name: str) -> Protocol:
    content = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return parse_protocol(content, where=f"protocol {name}")
