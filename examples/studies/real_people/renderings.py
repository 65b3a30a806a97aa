"""The renderings: every clip drives every simulated face, in a folder that is deleted afterwards."""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pandas as pd
import yaml

from examples.studies.real_people.plan import HashedPlan, Plan
from nvfair_tools.curate.build import build
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.progress import Reporter
from nvfair_tools.simulate.settings import SourceSettings
from nvfair_tools.simulate.videos import PeopleSettings, write_people

DRIVERS, FACES = "tracks", "faces"  # namespaces of the people's ids
_SOURCE = "study"  # the collection within which all drive all
_FACE_FRAMES = 25  # of the clip that every listed person needs; too short for a window
_MARK = "real-people-study.json"
_RIGHTS = {"licence": "evaluation only", "consent": "not documented", "permitted_use": "evaluation only"}


def work_folder(plan: HashedPlan, folder: Path | None) -> Path:
    """The private folder of the renderings: `folder`, or one in the system's folder for temporary files."""
    return folder or Path(tempfile.gettempdir()) / f"nvfair-real-people-{plan.sha256[:12]}"


def open_work_folder(work: Path, plan: HashedPlan) -> bool:
    """Makes the folder, readable by its owner alone; returns whether it is new, and no interrupted run is continued.

    Raises NvfairError where it holds anything that this study did not make, or the renderings of another plan.
    """
    mark = work / _MARK
    if work.exists():
        if not mark.is_file():
            raise NvfairError("the folder is not of this study", where=work, remedy="name a folder that does not exist")
        if json.loads(mark.read_text())["plan"] != plan.sha256:
            raise NvfairError("it holds the renderings of another plan", where=work, remedy="delete it with --discard")
        return False
    work.mkdir(mode=0o700, parents=True)
    mark.write_text(json.dumps({"plan": plan.sha256}))
    return True


def delete_work_folder(work: Path) -> bool:
    """Deletes the renderings and embeddings; returns whether there were any. Raises as `open_work_folder` does."""
    if not work.exists():
        return False
    if not (work / _MARK).is_file():
        raise NvfairError("the folder is not of this study, and nothing was deleted", where=work)
    shutil.rmtree(work)
    return True


def render(clips: pd.DataFrame, plan: Plan, work: Path, reporter: Reporter | None, workers: int = 0) -> Dataset:
    """Renders every clip on every face by every generator and tracks the videos; continues where a run was cut off.

    clips: as `driver_tracks.list_clips` returns them. workers: processes (0: this one). Raises NvfairError, which names
    reasons and counts and nobody, where a clip or a video cannot be used.
    """
    sources = [SourceSettings(name=FACES, train=0, validation=0, test=plan.faces.count, texts=1)]
    faces = PeopleSettings(seed=plan.faces.seed, sources=tuple(sources), clips=1, frames=_FACE_FRAMES)
    listed_faces = write_people(work / "faces", faces, workers=1)
    recipe = {
        "name": plan.title,
        "output": "dataset",
        "sources": [{"csv": "drivers.csv"}, {"csv": "faces/listed.csv"}],
        "rights": {"render_if": [_RIGHTS["permitted_use"]]},
        "generators": [{"name": name} for name in plan.generators],
        "pairs": {"self": False},
        "features": {"distances": "none", "mesh": True},
        "workers": workers,
    }
    _write_faces(listed_faces, listed_faces.with_name("listed.csv"))
    _write_drivers(clips, work / "drivers.csv")
    (work / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    outcome = build(work / "recipe.yaml", reporter=reporter)
    assert outcome.videos is not None
    unusable = Counter(outcome.videos.loc[outcome.videos["state"] == "failed", "reason"])
    if unusable:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(unusable.items()))
        raise NvfairError(f"some clips or videos failed: {reasons}", where=plan.title, remedy="run it again")
    return Dataset.open(outcome.folder)


def _write_drivers(clips: pd.DataFrame, path: Path) -> None:
    rows = [
        {"path": clip.path, "identity": f"{DRIVERS}:{clip.person}", "source": _SOURCE, "split": "test", **_RIGHTS}
        for clip in clips.itertuples()
    ]
    _write_csv(rows, path)


def _write_faces(listed_faces: Path, path: Path) -> None:
    """The list of the faces within the drivers' collection, because pairs stay within a collection."""
    with open(listed_faces, newline="", encoding="utf-8") as file:
        faces = list(csv.DictReader(file))
    rows = [
        {name: face[name] for name in ("path", "identity", "portrait")}
        | {"source": _SOURCE, "split": "test", **_RIGHTS}
        for face in faces
    ]
    _write_csv(rows, path)


def _write_csv(rows: list[dict[str, str]], path: Path) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
