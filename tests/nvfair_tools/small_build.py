"""A small recipe for tests: two people, a few clips each, and one of everything that may be wrong with a clip."""

from __future__ import annotations

import csv
import hashlib
import shutil
from pathlib import Path

import yaml

from nvfair_tools.curate.build import build
from tests.nvfair_tools.moving_portraits import write_clip, write_noise

PEOPLE = {"astronaut": "museum:astronaut", "hopper": "museum:hopper"}


def write_sources(folder: Path, clips: int = 3, *, hard: bool = False) -> Path:
    """Clips and their list; with `hard` also a copy, a cut file, one without a face, a forbidden and a missing one."""
    rows = []
    for person, identity in PEOPLE.items():
        for number in range(clips):
            name = f"{person}/{person}-{number}.mp4"
            write_clip(folder / name, person, number)
            rows.append({"path": name, "identity": identity, "emotion": "neutral" if number == 1 else ""})
    if hard:
        rows += _hard(folder)
    columns = ["path", "identity", "split", "emotion", "gender", "permitted_use"]
    with open(folder / "clips.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for row in rows:
            writer.writerow({"split": "train", "gender": "female", "permitted_use": "research"} | row)
    return folder / "clips.csv"


def _hard(folder: Path) -> list[dict[str, str]]:
    first = folder / "astronaut" / "astronaut-0.mp4"
    shutil.copy(first, folder / "copy.mp4")
    whole = write_clip(folder / "whole.mp4", "hopper", 9, frames=40).read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    (folder / "whole.mp4").unlink()
    write_noise(folder / "noise.mp4")
    write_clip(folder / "short.mp4", "hopper", 5, frames=4)
    write_clip(folder / "secret.mp4", "hopper", 6)
    hopper = {"identity": PEOPLE["hopper"]}
    return [
        {"path": "copy.mp4", "identity": PEOPLE["astronaut"]},
        {"path": "cut.mp4"} | hopper,
        {"path": "noise.mp4"} | hopper,
        {"path": "short.mp4"} | hopper,
        {"path": "secret.mp4", "permitted_use": "viewing only"} | hopper,
        {"path": "gone.mp4"} | hopper,
    ]


def write_recipe(path: Path, sources: Path, /, **changes: object) -> Path:
    """A recipe beside `path`'s other files, building into `dataset`; `changes` replace its keys."""
    recipe = {
        "name": "Small test set",
        "output": "dataset",
        "sources": [{"csv": str(sources), "defaults": {"licence": "public domain", "consent": "not needed"}}],
        "rights": {"render_if": ["research"]},
        "generators": [{"name": "warp-dense"}],
        "features": {"distances": "none", "rows_per_part": 25},
        "policy": {"min_frames": 8},
        "workers": 1,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(recipe | changes, sort_keys=False))
    return path


def plan_small_set(folder: Path, sources: Path) -> Path:
    """A data set in `folder` whose clips are read and whose portraits are chosen, for tests that render in copies."""
    build(write_recipe(folder / "recipe.yaml", sources, workers=0), until="plan")
    return folder / "dataset"


def file_hashes(dataset: Path) -> dict[str, str]:
    """{path: sha256} of everything in a data set but the build's own folder."""
    return {
        path.relative_to(dataset).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(dataset.rglob("*"))
        if path.is_file() and ".build" not in path.relative_to(dataset).parts
    }
