"""Figures that others have published, which stand below reports and on a board's first page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_published_tables() -> dict[str, Any]:
    """The content of published.json, which ships beside this module."""
    return json.loads(Path(__file__).with_name("published.json").read_text(encoding="utf-8"))
