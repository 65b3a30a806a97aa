"""`nvfair probe`: what video files really hold."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from nvfair_tools.media import MediaInfo


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
def probe(paths: tuple[Path, ...], as_json: bool) -> None:
    """Show size, frame rate, frames and faults of video files, found by decoding them.

    Exits with status 1 if any of PATHS cannot be read whole.
    """
    from nvfair_tools.media import MediaError
    from nvfair_tools.media import probe as read

    rows: list[dict[str, Any]] = []
    for path in paths:
        try:
            rows.append(_facts(read(path)))
        except MediaError as error:
            rows.append(
                {"path": str(path), "problem": error.cause, "detail": f"{error.what}; to fix it: {error.remedy}"}
            )
    if as_json:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        _print(rows)
    if any(row["problem"] for row in rows):
        sys.exit(1)


def _facts(info: MediaInfo) -> dict[str, Any]:
    return {
        "path": str(info.path),
        "width": info.width,
        "height": info.height,
        "fps": f"{info.fps.numerator}/{info.fps.denominator}" if info.fps else None,
        "frames": info.frames,
        "duration": round(info.duration, 6),
        "rotation": info.rotation,
        "mirrored": info.mirrored,
        "pixel_aspect": f"{info.aspect.numerator}:{info.aspect.denominator}",
        "codec": info.codec,
        "has_audio": info.has_audio,
        "variable_frame_rate": info.variable_frame_rate,
        "notes": dict(info.notes),
        "problem": info.problem,
        "problem_text": info.problem_text,
        "metadata": dict(info.metadata),
    }


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("file", "size", "fps", "frames", "seconds", "codec", "notes")
    for row in rows:
        if "width" not in row:
            table.add_row(escape(row["path"]), *[""] * 5, f"[red]{escape(row['detail'])}[/red]")
            continue
        notes = [f"[red]{row['problem']} {escape(row['problem_text'])}[/red]"] if row["problem"] else []
        notes += [escape(f"{flag.replace('_', ' ')}: {text}") for flag, text in row["notes"].items()]
        notes += ["mirrored"] if row["mirrored"] else []
        notes += [f"pixels {row['pixel_aspect']}"] if row["pixel_aspect"] != "1:1" else []
        notes += [f"turned by {row['rotation']}°"] if row["rotation"] else []
        notes += [] if row["has_audio"] else ["no sound"]
        size, seconds = f"{row['width']}x{row['height']}", f"{row['duration']:.2f}"
        rate = row["fps"].removesuffix("/1") if row["fps"] else "?"
        table.add_row(escape(row["path"]), size, rate, str(row["frames"]), seconds, row["codec"], ", ".join(notes))
    Console(emoji=False, width=None if sys.stdout.isatty() else 160).print(table)
