"""The lines that this package and a tool that stays loaded exchange.

The tool reads one JSON object a line from its standard input and answers on its standard output. Its lines begin with
`@nvfair `, so that whatever else a library prints there is part of its log and breaks nothing:

    tool:     @nvfair {"protocol": 1, "name": "liveportrait", "version": "2025-01"}
    we:       {"job": 1, "portrait": "/…/p.png", "clip": "/…/c.mp4", "out": "/…/o.mp4", "frames": 75, "options": {}}
    tool:     @nvfair {"job": 1, "out": "/…/o.mp4"}    or    @nvfair {"job": 1, "error": "no face in the portrait"}

The first line says that the tool is loaded; `version` may be left out. `job` may be left out of an answer. When its
standard input ends, the tool ends.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

PROTOCOL = 1
MARK = b"@nvfair "
_LONGEST_LINE = 1 << 20  # bytes; a longer line is no message


class LineReader:
    """Splits a tool's output into messages and everything else.

    on_message: takes the object of each message, None for a marked line that is not a JSON object. on_text: takes the
    rest, as it comes.
    """

    def __init__(self, on_message: Callable[[dict[str, Any] | None], None], on_text: Callable[[bytes], None]) -> None:
        self._on_message, self._on_text = on_message, on_text
        self._pending = b""

    def take(self, content: bytes) -> None:
        """Takes more of the output; lines may be cut anywhere."""
        *lines, self._pending = (self._pending + content).split(b"\n")
        for line in lines:
            # A progress bar may stand before the message, without an end of its own line.
            text, mark, message = line.partition(MARK)
            if text.strip() or not mark:
                self._on_text(text + b"\n")
            if mark:
                self._on_message(_parsed(message))
        if len(self._pending) > _LONGEST_LINE:
            self._on_text(self._pending)
            self._pending = b""


def _parsed(message: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(message)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
