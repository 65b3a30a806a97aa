"""A small data set of three people, one of whom withdraws, and another of whom has a name that begins alike."""

from __future__ import annotations

import csv
from pathlib import Path

from nvfair_tools.curate.build import build
from nvfair_tools.governance.uses import USES
from nvfair_tools.pipeline.progress import Silent
from tests.nvfair_tools.moving_portraits import write_clip
from tests.nvfair_tools.small_build import write_recipe

PERSON, NAMESAKE, OTHER = "museum:astronaut", "museum:astronaut2", "museum:hopper"
# identity -> face, folder, the first phase of the motion
_PEOPLE = {PERSON: ("astronaut", "astronaut", 0), NAMESAKE: ("astronaut", "second", 5), OTHER: ("hopper", "hopper", 0)}


def build_museum(folder: Path) -> Path:
    """Builds the data set `folder`/dataset; a file of the person is also listed for another, who is rejected for it."""
    rows = []
    for identity, (face, name, phase) in _PEOPLE.items():
        for number in range(2):
            path = f"{name}/{name}-{number}.mp4"
            write_clip(folder / "sources" / path, face, phase + number)
            rows.append({"path": path, "identity": identity, "aliases": "Sally" if identity == PERSON else ""})
    copy = folder / "sources" / "hopper" / "encore.mp4"
    write_clip(folder / "sources" / "astronaut" / "recital.mp4", "astronaut", 9)
    copy.write_bytes((folder / "sources" / "astronaut" / "recital.mp4").read_bytes())
    rows += [{"path": "astronaut/recital.mp4", "identity": PERSON, "aliases": "Sally"}]
    rows += [{"path": "hopper/encore.mp4", "identity": OTHER, "aliases": ""}]
    with open(folder / "sources" / "clips.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, ["path", "identity", "split", "permitted_use", "aliases"])
        writer.writeheader()
        writer.writerows({"split": "train", "permitted_use": "research"} | row for row in rows)
    with open(folder / "consent.csv", "w", newline="") as file:
        agreed = csv.writer(file)
        agreed.writerow(["identity", *USES, "scope", "evidence", "date"])
        agreed.writerows([identity, *["yes"] * len(USES), "any", "form 12", "2020-01-01"] for identity in _PEOPLE)
    rights = {"render_if": ["research"], "consent": "consent.csv"}
    recipe = write_recipe(folder / "recipe.yaml", folder / "sources" / "clips.csv", workers=0, rights=rights)
    build(recipe, reporter=Silent())
    return folder / "dataset"
