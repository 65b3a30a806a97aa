"""The report as Markdown, for a pull request, a model card or an issue: tables only, no pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmark.report import tables
from nvfair_tools.files import write_text


def write_markdown(path: Path, results: dict[str, Any]) -> None:
    """Writes the Markdown report of `results` to `path`."""
    write_text(path, markdown(results))


def markdown(results: dict[str, Any]) -> str:
    """The report as text."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: dict[str, Any]) -> Iterator[str]:
    data = results["data"]
    people, videos = len(data["test_people"]), data["videos"]
    yield f"# {_plain(data['name'] or 'Data set')}: {people} test people, {videos} reenactments"
    yield ""
    for note in results["notes"]:
        yield f"> **{_plain(note)}**"
        yield ">"
    for section in tables.sections(results):
        yield from _section(section)
    yield from _made(results)


def _section(section: dict[str, Any]) -> Iterator[str]:
    figure = section["figure"]
    yield ""
    yield f"## {section['title']}"
    yield ""
    yield f"{section['trials_words']} {section['figure_words'].capitalize()}, intervals resample people."
    yield ""
    columns = section["matrix"]["columns"]
    rows = [
        [
            row["name"],
            row["trained"],
            *(
                "–" if cell is None else _valued(cell, figure) + (" **near a shortcut**" if near else "")
                for cell, near in row["cells"]
            ),
        ]
        for row in section["matrix"]["rows"]
    ]
    rows += [
        [f"*shortcut: {control['name']}*", "–", *("–" if c is None else _valued(c, figure) for c in control["cells"])]
        for control in section["shortcuts"]
    ]
    yield from _table(["method", "trained on", *columns], rows)
    yield ""
    yield from _table(
        ["method", "tested on", section["beside_words"], "EER", "genuine", "impostor"],
        [
            [
                cell["method"],
                f"{cell['generator']} ({cell['relation']})",
                _valued(cell, section["beside"]),
                f"{cell['eer']['value']:.3f}",
                cell["trials"]["genuine"],
                cell["trials"]["impostor"],
            ]
            for cell in section["cells"]
        ],
    )
    for left in section["exclusions"]:
        reasons = ", ".join(f"{count} {reason}" for reason, count in left["videos_lost"].items()) or "none lost"
        yield ""
        yield f"{left['videos_used']} of {left['videos_asked']} videos scored ({reasons})."


def _made(results: dict[str, Any]) -> Iterator[str]:
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    yield ""
    yield "## How this was made"
    yield ""
    yield f"* data: {_plain(results['data']['name'])}, sha256 {results['data']['sha256']}"
    for protocol in results["protocols"]:
        yield f"* protocol: {protocol['name']}, {protocol['digest']}"
    yield f"* machine: {machine['processor']}, {machine['device']}; {machine['seconds']} s"
    yield f"* software: Python {machine['python']}, {versions}"


def _valued(cell: dict[str, Any], figure: str) -> str:
    return f"{cell[figure]['value']:.3f} ({tables.span(cell[figure])})"


def _table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield "| " + " | ".join(_plain(cell) for cell in head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(_plain(cell) for cell in row) + " |"


def _plain(value: object) -> str:
    """Text that cannot leave its cell or become markup: names come from data sets and methods of others."""
    text = str(value).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
    return text.replace("<", "&lt;").replace("`", "\\`").replace("[", "\\[")
