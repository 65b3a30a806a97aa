"""Reading protocols that users wrote: every mistake of a file is named at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.protocols.schema import Protocol
from nvfair_tools.errors import NvfairError
from nvfair_tools.schema_problems.lines import parse_model
from nvfair_tools.unique_keys import load_unique_json

PROTOCOL_VERSION = 1


def parse_protocol(content: Any, *, where: object = "protocol") -> Protocol:
    """A protocol from parsed JSON; raises Problems that list every wrong field."""
    if isinstance(content, dict) and content.get("format_version", PROTOCOL_VERSION) != PROTOCOL_VERSION:
        raise NvfairError(
            f"protocol format version {content.get('format_version')!r}",
            where=where,
            expected=f"version {PROTOCOL_VERSION}",
            remedy="use the release that wrote it",
        )
    remedy = "compare with the protocols that ship with the package; docs/protocols.md explains every key"
    return parse_model(Protocol, content, where=where, remedy=remedy)


def read_protocol(path: str | Path) -> Protocol:
    """Reads a protocol file; raises NvfairError where it is absent, not JSON, or not a protocol."""
    path = Path(path)
    try:
        content = load_unique_json(path.read_bytes())
    except FileNotFoundError as error:
        raise NvfairError("no such protocol file", where=path) from error
    except ValueError as error:
        raise NvfairError(
            f"not valid JSON: {error}", where=path, expected="a protocol, as `nvfair protocols show NAME` prints one"
        ) from error
    return parse_protocol(content, where=path)
