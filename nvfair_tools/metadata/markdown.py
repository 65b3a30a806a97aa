"""Tables of Markdown, as the card and the data sheet show them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


def markdown_table(rows: pd.DataFrame, columns: Sequence[str]) -> str:
    """The columns of a table in Markdown, or the word "None." where there is no row."""
    if rows.empty:
        return "None."
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row in rows[list(columns)].itertuples(index=False):
        lines.append("| " + " | ".join(_cell(value) for value in row) + " |")
    return "\n".join(lines)


def _cell(value: object) -> str:
    if isinstance(value, int) or hasattr(value, "item"):
        return f"{int(value):,}"  # type: ignore[call-overload]
    return str(value).replace("|", "\\|").replace("\n", " ")
