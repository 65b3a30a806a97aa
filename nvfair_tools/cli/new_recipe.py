"""The recipe that `nvfair new recipe` writes, from what a folder of recordings shows."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text

_NEEDED = ("path", "identity")  # of a list of clips
_RIGHTS = ("licence", "consent", "permitted_use")
# Fewest people with which each split has a pair of two people.
_PEOPLE_OF_PAIRS = {"test": 2, "train and test": 4, "all three": 6}


def recipe_text(name: str, videos: Path, recipe: Path) -> tuple[str, list[str]]:
    """The text of a recipe for a folder of recordings, and what was seen there, in sentences.

    recipe: where it will lie, because its paths are relative to that. Raises NvfairError where the folder holds
    neither a list of clips nor folders of people.
    """
    listed = _list_in(videos)
    source, people, facts = _of_list(listed, recipe) if listed is not None else _of_folders(videos, recipe)
    splits, text = _splits(people)
    lines = [
        f"# Check it: nvfair check {recipe.name}     Build it: nvfair build {recipe.name}",
        "# Every key: docs/datasets.md. Paths are relative to this file.",
        f"name: {json.dumps(name, ensure_ascii=False)}",
        f"output: {json.dumps(recipe.stem + '-dataset')}",
        "",
        "sources:",
        *source,
        "",
        "rights:",
        "  render_if: [research]  # CHECK: clips whose permitted_use is none of these are not used",
        "",
        f"# {text}",
        f"splits: {splits}",
        "",
        "generators:              # these need no weights; docs/generators.md has the others",
        "  - {name: warp-dense}",
        "  - {name: warp-tps, mode: absolute}",
        "",
        "pairs: {cross_per_clip: 2, seed: 0}   # other faces that each clip drives; without this line: all",
        "",
        "features: {distances: none}           # readers compute them from the landmarks",
    ]
    return "\n".join(lines) + "\n", [*facts, text]


def _list_in(videos: Path) -> Path | None:
    """The list of clips in a folder: a CSV with the columns that are needed; None where there is none."""
    for path in sorted(videos.glob("*.csv")):
        try:
            with open(path, encoding="utf-8-sig", newline="") as file:
                header = next(csv.reader(file), [])
        except (OSError, UnicodeDecodeError, csv.Error):
            continue
        if set(_NEEDED) <= set(header):
            return path
    return None


def _of_list(path: Path, recipe: Path) -> tuple[list[str], int, list[str]]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    people = len({row["identity"] for row in rows if row["identity"]})
    empty = [column for column in _RIGHTS if any(not row.get(column) for row in rows)]
    lines = [f"  - csv: {_quoted(path, recipe)}", *_defaults(empty)]
    return lines, people, [f"{path} lists {count_text(len(rows), 'clip')} of {count_text(people, 'person')}"]


def _of_folders(videos: Path, recipe: Path) -> tuple[list[str], int, list[str]]:
    from nvfair_tools.recipe.people_folder import read_people_folder

    content = read_people_folder(videos)
    people = [person for person in content.people if person.clips]
    if not people:
        outside = len(content.clips_outside)
        raise NvfairError(
            f"no person's clips are here; {count_text(outside, 'clip lies', 'clips lie')} in no person's folder"
            if outside
            else "no clip is here",
            where=videos,
            expected="one folder a person with videos in it, or a list clips.csv with the columns path and identity",
            remedy="make a folder for each person and move the clips there, or name another folder with --from",
        )
    clips = sum(len(person.clips) for person in people)
    portraits = sum(bool(person.portraits) for person in people)
    lines = [
        f"  - folder: {_quoted(videos, recipe)}",
        "    source: mine",
        *_defaults(["licence", "consent", "permitted_use"]),
    ]
    facts = [
        f"{videos} holds {count_text(clips, 'clip')} of {count_text(len(people), 'person')}, {portraits} of them with "
        "a portrait"
    ]
    if content.clips_outside:
        first = content.clips_outside[0]
        strays = count_text(len(content.clips_outside), "clip lies", "clips lie")
        facts.append(f"{strays} in no person's folder, such as {first}: move them")
    return lines, len(people), facts


def _defaults(columns: list[str]) -> list[str]:
    if not columns:
        return []
    values = {"licence": "unknown", "consent": "unknown", "permitted_use": "research"}
    lines = [f"      {column}: {values[column]}" for column in columns]
    return ["    defaults:             # CHECK: what the recordings may be used for, and who agreed to it", *lines]


def _splits(people: int) -> tuple[str, str]:
    """The splits for a number of people, and why: pairs of two people exist only within a split."""
    if people < _PEOPLE_OF_PAIRS["train and test"]:
        shares = "{test: 1.0}"
        text = (
            f"{count_text(people, 'person')}: all in the split test, because pairs of two people lie within one split"
        )
    elif people < _PEOPLE_OF_PAIRS["all three"]:
        shares = "{train: 0.5, test: 0.5}"
        text = f"{count_text(people, 'person')}: half train, half test, so that both have pairs of two people"
    else:
        shares = (
            "{train: 0.34, validation: 0.33, test: 0.33}" if people < 12 else "{train: 0.6, validation: 0.2, test: 0.2}"
        )
        text = f"{count_text(people, 'person')}: train, validation and test, each with pairs of two people"
    return f"{{by: shares, shares: {shares}, seed: 0}}", text


def _quoted(path: Path, recipe: Path) -> str:
    """A path as YAML, relative to the recipe's folder."""
    return json.dumps(Path(os.path.relpath(path.absolute(), recipe.absolute().parent)).as_posix(), ensure_ascii=False)
