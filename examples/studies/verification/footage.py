"""The clips of the study, cut where one clip must serve twice, with the recipe that reenacts them.

Three people with eight clips each (MEAD) are tested: four clips enrol, four drive. Everybody else calibrates: of a
person with one long clip, one half enrols and the other drives; people with a short clip drive others' faces only.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import yaml
from PIL import Image

from nvfair_tools.media import Frame, decode, encode, probe

SOURCE = "clips"  # of the recipe; a person is named after the collection that it comes from
GENERATORS = ("warp-dense", "warp-tps", "warp-parts")
_MEAD_DRIVES = ("angry", "fear", "happy", "sad")  # the others enrol; the neutral one is also the portrait
_HALF_SECONDS = 2.5  # a half must fill a window of 71 frames at 30 a second
_MOST_SECONDS = 9.0  # of a half
_FACES_PER_HALF = 2  # faces of others that each half drives


@dataclass(frozen=True)
class Clip:
    """A clip of the study. role: "enrol" (it is enrolled, and drives nobody), "drive", or "both"."""

    path: Path
    person: str
    split: str
    role: str


def prepare(clips: Path, folder: Path, generators: Sequence[str] = GENERATORS) -> Path:
    """Writes the cut clips, portraits, the two lists and the recipe; returns the recipe. What is there stays.

    clips: a folder with `clips.csv` (path, person, collection, fps, frames). folder: of the study. generators: names
    of those that reenact.
    """
    recipe = folder / "recipe.yaml"
    if recipe.exists():
        return recipe
    listed: list[Clip] = []
    with open(clips / "clips.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["collection"] == "hard" or not row["person"]:
                continue
            person, path = f"{row['collection']}:{row['person'].lower()}", clips / row["path"]
            if row["collection"] == "mead":
                drives = any(f"_{emotion}_" in path.name for emotion in _MEAD_DRIVES)
                listed.append(Clip(path, person, "test", "drive" if drives else "enrol"))
            elif int(row["frames"]) / Fraction(row["fps"]) / 2 >= _HALF_SECONDS:
                listed += [Clip(half, person, "validation", "both") for half in _halves(path, folder / "halves")]
            else:
                listed.append(Clip(path, person, "validation", "drive"))
    _write_lists(listed, folder)
    recipe.write_text(
        yaml.safe_dump(
            {
                "name": "Verification of drivers",
                "output": "dataset",
                "sources": [
                    {
                        "csv": "clips.csv",
                        "source": SOURCE,
                        "defaults": {
                            "licence": "third-party; research use",
                            "consent": "research use by the terms of the collections",
                            "permitted_use": "research",
                        },
                    }
                ],
                "rights": {"render_if": ["research"]},
                "splits": {"by": "column"},
                "pairs": {"file": "pairs.csv"},
                "generators": [{"name": name} for name in generators],
                "features": {"distances": "none"},
                "workers": 1,
                "render_workers": 1,
            },
            sort_keys=False,
        )
    )
    return recipe


def _halves(path: Path, folder: Path) -> list[Path]:
    """The two halves of a clip, each of at most `_MOST_SECONDS`."""
    folder.mkdir(parents=True, exist_ok=True)
    info = probe(path)
    assert info.fps is not None
    middle = info.frames // 2
    most = int(_MOST_SECONDS * info.fps)
    halves = []
    for name, first, last in (("a", max(0, middle - most), middle), ("b", middle, min(info.frames, middle + most))):
        out = folder / f"{path.stem}-{name}.mp4"
        encode(out, (frame.image for frame in _frames(path, first, last)), info.fps)
        halves.append(out)
    return halves


def _frames(path: Path, first: int, last: int) -> list[Frame]:
    return [frame for frame in decode(path) if first <= frame.index < last]


def _write_lists(clips: list[Clip], folder: Path) -> None:
    """Writes clips.csv, one row a clip that drives; pairs.csv, who drives whom; and enrolled.csv."""
    drivers = [clip for clip in clips if clip.role != "enrol"]
    portraits: dict[str, Path] = {}
    for clip in clips:
        if clip.person not in portraits and (clip.split == "validation" or "_neutral_" in clip.path.name):
            portraits[clip.person] = _portrait(clip.path, folder / "portraits" / f"{clip.person.split(':')[1]}.png")
    with open(folder / "clips.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "identity", "split", "portrait"])
        for clip in drivers:
            writer.writerow([clip.path.resolve(), clip.person, clip.split, portraits[clip.person].resolve()])
    with open(folder / "enrolled.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "identity", "split"])
        for clip in clips:
            if clip.role != "drive":
                writer.writerow([clip.path.resolve(), clip.person, clip.split])
    # Faces: people who are enrolled. Each half of a calibration person also drives the next faces in the list.
    faces = {split: _people(clips, split, enrolled=True) for split in ("validation", "test")}
    with open(folder / "pairs.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["driver", "clip", "target"])
        for number, clip in enumerate(drivers):
            others = [face for face in faces[clip.split] if face != clip.person]
            if clip.split == "validation":
                others = [others[(number + step) % len(others)] for step in range(_FACES_PER_HALF)]
            own = [clip.person] if clip.person in faces[clip.split] else []
            for face in own + others:
                writer.writerow([clip.person, clip.path.name, face])


def _people(clips: list[Clip], split: str, *, enrolled: bool) -> list[str]:
    chosen = (clip for clip in clips if clip.split == split and (clip.role != "drive") == enrolled)
    return list(dict.fromkeys(clip.person for clip in chosen))


def _portrait(clip: Path, out: Path) -> Path:
    """The first frame of a clip as a picture."""
    out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(next(decode(clip)).image).save(out)
    return out
