"""Reading protocols that users wrote: every mistake of a file is named at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmark.protocols.schema import Protocol
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.unique_keys import load_unique_json

PROTOCOL_VERSION = 1
_MAX_QUOTED = 100  # characters of a wrong value


def parse_protocol(content: Any, *, where: object = "protocol") -> Protocol:
    """A protocol from parsed JSON; raises Problems that list every wrong field."""
    if isinstance(content, dict) and content.get("format_version", PROTOCOL_VERSION) != PROTOCOL_VERSION:
        raise NvfairError(
            f"protocol format version {content.get('format_version')!r}",
            where=where,
            expected=f"version {PROTOCOL_VERSION}",
            remedy="use the release that wrote it",
        )
    try:
        return Protocol.model_validate(content)
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(step) for step in mistake['loc']) or 'file'}: {mistake['msg']} "
            f"(found {_shortened(mistake['input'])})"
            for mistake in error.errors()
        ]
        raise Problems(where, problems, remedy="compare with the protocols that ship with the package") from error


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}..."


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
