"""What an export writes: its files, each known by name and size before the first is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.terms import strictest_terms
from nvfair_tools.quantities import count_text


@dataclass(frozen=True)
class PlannedFile:
    """A file of an export. path: relative to the export, with "/". size: its bytes, of a table about so many.
    videos: how many are in it.

    write: writes it to the path that it is given. Raises NvfairError where the data set's own files are not whole.
    """

    path: str
    size: int
    write: Callable[[Path], None]
    videos: int = 0


@dataclass(frozen=True)
class ExportPlan:
    """The files of an export, in the order in which they are written.

    left_out: how many videos are not in it, by the reason in words. remarks: what its reader should know.
    """

    files: tuple[PlannedFile, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def text_file(path: str, text: str) -> PlannedFile:
    """A planned file with this text, in UTF-8."""
    content = text.encode()

    def write(place: Path) -> None:
        place.write_bytes(content)

    return PlannedFile(path, len(content), write)


def read_me(dataset: Dataset, videos: pd.DataFrame, layout: str) -> PlannedFile:
    """The README.md of an export: what it is, whose terms hold, and what whoever has it owes the people in it.

    layout: what stands where, as Markdown.
    """
    synthetic = int((videos["kind"] != "real").sum())
    people = count_text(videos["target"].nunique(), "person")
    if dataset.meta.get("simulated"):
        people = f"{count_text(videos['target'].nunique(), 'simulated person')}, none of whom exists"
    rights = videos.groupby(["licence", "consent", "permitted_use"], sort=True).size()
    rows = [
        "| " + " | ".join(str(text).replace("|", "\\|").replace("\n", " ") for text in terms) + f" | {count:,} |"
        for terms, count in zip(rights.index.tolist(), rights.tolist(), strict=True)
    ]
    limits = strictest_terms([*videos["licence"], *videos["permitted_use"]])
    sections = [
        f"# {dataset.name}",
        f"**Synthetic: {synthetic:,} of these {count_text(len(videos), 'video')}**. Each shows the "
        "face of one person (the *target*) moved by a recording of a person (the *driver*). None of them shows what "
        "its target did or said.",
        f"They show {people}. This is a copy of a data set in another layout; "
        "manifest.json has the SHA-256 of each file.",
        layout,
        "## Licences, consent, permitted use",
        "\n".join(["| licence | consent | permitted use | videos |", "|---|---|---|---|", *rows]),
        *([f"All conditions hold together, so that the strictest wins: {'; '.join(limits)}."] if limits else []),
        "A person may withdraw consent. Delete every video whose target or driver the person is as soon as you hear of "
        "it, and pass the word on to whoever has the files from you.",
    ]
    return text_file("README.md", "\n\n".join(sections) + "\n")
