"""`nvfair probe`: what video files, and tracks in place of them, really hold."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import Answer, reports
from nvfair_tools.cli.paths import INPUT_FILE

if TYPE_CHECKING:
    import numpy as np

    from nvfair_tools.landmarks.track_files import ListedTrack
    from nvfair_tools.media import MediaInfo


@click.command()
@click.argument("paths", nargs=-1, required=True, type=INPUT_FILE)
@reports
def probe(paths: tuple[Path, ...]) -> Answer:
    """Show size, frame rate, frames and faults of video files, found by decoding them.

    A file of landmarks with times (.npz, .npy, .parquet) is read as a track in place of a video. Exits with status 1
    if any of PATHS cannot be read whole.
    """
    from nvfair_tools.landmarks.track_files import TrackFileError, is_track_file, read_track_file
    from nvfair_tools.media import MediaError
    from nvfair_tools.media import probe as read

    rows: list[dict[str, Any]] = []
    for path in paths:
        try:
            rows.append(_track_facts(path, read_track_file(path)) if is_track_file(path) else _facts(read(path)))
        except (MediaError, TrackFileError) as error:
            rows.append(
                {"path": str(path), "problem": error.cause, "detail": f"{error.what}; to fix it: {error.remedy}"}
            )
    _print(rows)
    bad = sum(bool(row["problem"]) for row in rows)
    if bad:
        click.echo(f"{bad} of {len(rows)} cannot be read whole: replace them, or leave them out of the list of clips")
    return Answer(rows, 1 if bad else 0)


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


def _track_facts(path: Path, listed: ListedTrack) -> dict[str, Any]:
    track = listed.track
    return {
        "path": str(path),
        "width": track.size[0],
        "height": track.size[1],
        "fps": f"{listed.fps.numerator}/{listed.fps.denominator}",
        "frames": len(track),
        "valid": int(track.valid.sum()),
        "duration": round(float(track.time[-1] + 1 / listed.fps), 6),
        "codec": "track of 478 points",
        "notes": dict(listed.notes) | _share_of_faces(track.valid),
        "problem": "",
        "problem_text": "",
    }


def _share_of_faces(valid: np.ndarray) -> dict[str, str]:
    return {} if valid.all() else {"frames_without_face": f"{(~valid).sum()} of {len(valid)} frames"}


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    table = Table(Column("file", overflow="fold"), "size", "fps", "frames", "seconds", "codec", "notes")
    for row in rows:
        if "width" not in row:
            table.add_row(escape(row["path"]), *[""] * 5, f"[red]{escape(row['detail'])}[/red]")
            continue
        notes = [f"[red]{row['problem']} {escape(row['problem_text'])}[/red]"] if row["problem"] else []
        notes += [escape(f"{flag.replace('_', ' ')}: {text}") for flag, text in row["notes"].items()]
        notes += ["mirrored"] if row.get("mirrored") else []
        notes += [f"pixels {row['pixel_aspect']}"] if row.get("pixel_aspect", "1:1") != "1:1" else []
        notes += [f"turned by {row['rotation']}°"] if row.get("rotation") else []
        notes += [] if row.get("has_audio", True) else ["no sound"]
        size, seconds = f"{row['width']}x{row['height']}", f"{row['duration']:.2f}"
        rate = row["fps"].removesuffix("/1") if row["fps"] else "?"
        table.add_row(escape(row["path"]), size, rate, str(row["frames"]), seconds, row["codec"], ", ".join(notes))
    Console(emoji=False, width=None if sys.stdout.isatty() else 160).print(table)
