"""Writes examples/notebook.ipynb from docs/python.md: its texts as Markdown cells, its blocks as code cells."""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE, OUT = ROOT / "docs" / "python.md", ROOT / "examples" / "notebook.ipynb"
BLOCK = re.compile(r"^```python\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([\w./-]+)\)")


def cells(text: str) -> list[dict[str, Any]]:
    """The page's cells in order; links lead from examples/ to docs/."""
    parts = BLOCK.split(text)
    return [_cell(number, part) for number, part in enumerate(parts) if part.strip()]


def _cell(number: int, part: str) -> dict[str, Any]:
    source = part.strip("\n")
    if number % 2:
        code = {"cell_type": "code", "execution_count": None, "outputs": []}
        return {"id": f"block-{number}", "metadata": {}, "source": source.splitlines(keepends=True), **code}
    source = LINK.sub(r"](../docs/\1)", source)
    return {
        "id": f"text-{number}",
        "metadata": {},
        "source": source.splitlines(keepends=True),
        "cell_type": "markdown",
    }


def notebook() -> str:
    """The notebook as JSON text."""
    content = {
        "cells": cells(PAGE.read_text(encoding="utf-8")),
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    OUT.write_text(notebook(), encoding="utf-8")
    print(OUT)
