"""Checks of footage before a build: its length, whether it can be read, and what nobody has verified."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from nvfair_tools.curate.finding import Finding
from nvfair_tools.quantities import count_text
from nvfair_tools.recipe.clip_row import ClipRow
from nvfair_tools.recipe.recipe import Recipe

# Measured: stored segments take 2 to 2.5 bits a pixel.
_BYTES_PER_PIXEL = 0.3


def check_footage(recipe: Recipe, rows: Sequence[ClipRow]) -> Iterator[Finding]:
    """Findings on the rows that are footage; none where there is none."""
    by_file: dict[Path, list[ClipRow]] = defaultdict(list)
    for row in rows:
        if row.footage is not None and not row.is_track:
            by_file[row.path].append(row)
    if not by_file:
        return
    seconds, size, slow, problems = 0.0, 0.0, [], []
    for path, of_file in by_file.items():
        if not os.path.isfile(path):
            continue  # another check says so
        try:
            length, frame_bytes, is_slow = _measure(path)
        except ValueError as error:
            problems.append(f"{of_file[0].name}: {error}")
            continue
        listed = [row.span for row in of_file if row.span is not None]
        used = sum(min(span[1], length) - min(span[0], length) for span in listed) if listed else length
        seconds, size = seconds + used, size + used * frame_bytes
        slow += [of_file[0].name] if is_slow else []
    count = len(by_file)
    yield Finding(
        "ok",
        "footage",
        f"{count} file{'s' * (count != 1)}, {seconds / 3600:.2f} hours, which the build cuts into segments; the plan "
        f"counts each row as one clip. Stored segments take up to {size / 1e9:.1f} GB in `.build`",
    )
    for text in problems:
        yield Finding("warning", "footage", text)
    if slow:
        yield Finding(
            "warning",
            "footage",
            f"{count_text(len(slow), 'file has', 'files have')} no exact times, such as {slow[0]}: each shot is "
            "reached from the beginning",
            "convert long ones to mp4 first, or be patient",
        )
    shared = {path: of_file for path, of_file in by_file.items() if len({row.identity for row in of_file}) > 1}
    if shared:
        people = sorted({row.identity for of_file in shared.values() for row in of_file})
        names = ", ".join(of_file[0].name for of_file in list(shared.values())[:3])
        yield Finding(
            "warning",
            "footage",
            f"{count_text(len(shared), 'file shows', 'files show')} several listed people ({len(people)}), such as "
            f"{names}: each needs the consent of all who can be seen, and when one of them leaves, the others' "
            "segments stay",
        )
    if recipe.landmarks.recogniser is None:
        yield Finding(
            "warning",
            "footage",
            "identity will not be verified: whoever is followed in a shot is taken for the person of its row",
            "name a pack on disk as `landmarks: {recogniser: ...}`, or look through the sheet of `nvfair cut`",
        )


def _measure(path: Path) -> tuple[float, float, bool]:
    """Seconds of a file by its header, bytes of a stored second, and whether frames are reached from the beginning.

    Raises ValueError with what is wrong with the file.
    """
    from nvfair_tools.media import MediaError
    from nvfair_tools.media.container import open_container
    from nvfair_tools.media.decoding import chosen_stream

    try:
        with open_container(path) as container:
            stream = chosen_stream(container)
            seconds = (container.duration or 0) / 1e6
            rate = float(stream.average_rate or 25)
            width, height = stream.codec_context.width, stream.codec_context.height
            return seconds, width * height * rate * _BYTES_PER_PIXEL, "avi" in container.format.name
    except MediaError as error:
        raise ValueError(f"{error.cause}: {error.detail}; to fix it: {error.remedy}") from error
