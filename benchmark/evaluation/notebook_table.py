"""The results of an evaluation as a small HTML table, for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class NotebookRow:
    """One line of the table: texts, which are escaped when the table is made."""

    protocol: str
    method: str
    generator: str
    relation: str
    auc: str
    strongest_shortcut: str


def notebook_table(title: str, warnings: Sequence[str], rows: Sequence[NotebookRow]) -> str:
    """HTML of a title, the warnings, and one line for each row; all texts are escaped.

    The protocol is shown where the rows have more than one.
    """
    with_protocol = len({row.protocol for row in rows}) > 1
    head = ["method", "generator", "relation", "AUC (interval)", "strongest shortcut"]
    lines = [[row.method, row.generator, row.relation, row.auc, row.strongest_shortcut] for row in rows]
    if with_protocol:
        head = ["protocol", *head]
        lines = [[row.protocol, *line] for row, line in zip(rows, lines, strict=True)]
    parts = [f"<p><b>{escape(title)}</b></p>"]
    if warnings:
        items = "".join(f"<li>{escape(warning)}</li>" for warning in warnings)
        parts.append(f'<ul style="color: #b3261e">{items}</ul>')
    parts.append("<table><thead>" + _line("th", head) + "</thead><tbody>")
    parts += [_line("td", line) for line in lines]
    parts.append("</tbody></table>")
    return "<div>" + "".join(parts) + "</div>"


def _line(tag: str, texts: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts) + "</tr>"
