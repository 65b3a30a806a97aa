"""A small data set of three people, one of whom withdraws, and another of whom has a name that begins alike."""

from __future__ import annotations

import csv
import os
import signal
import sys
from pathlib import Path

from nvfair_tools.curate.build import build
from nvfair_tools.governance.uses import USES
from nvfair_tools.pipeline.progress import Silent
from tests.nvfair_tools.moving_portraits import write_clip
from tests.nvfair_tools.small_build import write_recipe

PERSON, NAMESAKE, OTHER = "museum:astronaut", "museum:astronaut2", "museum:hopper"
# identity -> face, folder, the first phase of the motion
_PEOPLE = {PERSON: ("astronaut", "astronaut", 0), NAMESAKE: ("astronaut", "second", 5), OTHER: ("hopper", "hopper", 0)}
_TRACED = ("curate/revocation", "pipeline/journal_removal", "dataset/row_removal", "governance/", "nvfair_tools/files")


def build_museum(folder: Path) -> Path:
    """Builds the data set `folder`/dataset; a file of the person is also listed for another, who is rejected for it."""
    rows = []
    for identity, (face, name, phase) in _PEOPLE.items():
        for number in range(2):
            path = f"{name}/{name}-{number}.mp4"
            write_clip(folder / "sources" / path, face, phase + number)
            rows.append({"path": path, "identity": identity, "aliases": "Sally" if identity == PERSON else ""})
    copy = folder / "sources" / "hopper" / "copy.mp4"
    write_clip(folder / "sources" / "astronaut" / "twice.mp4", "astronaut", 9)
    copy.write_bytes((folder / "sources" / "astronaut" / "twice.mp4").read_bytes())
    rows += [{"path": "astronaut/twice.mp4", "identity": PERSON, "aliases": "Sally"}]
    rows += [{"path": "hopper/copy.mp4", "identity": OTHER, "aliases": ""}]
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


def revoke_until(step: int, folders: list[Path], key: Path, kill: bool) -> int:
    """Removes the person, and ends this process by SIGKILL at the line with number `step` of the code that does it.

    kill: false counts the lines alone. Returns the number of lines that ran.
    """
    from nvfair_tools.cli.revoke import holders_in
    from nvfair_tools.governance.curator_key import create_key
    from nvfair_tools.governance.revocation import Revocation

    curator_key = create_key(key)
    revocation = Revocation.prepare(PERSON, holders_in(folders), "2026-01-31")
    lines = 0

    def on_line(frame, event, argument):
        nonlocal lines
        if event == "line":
            lines += 1
            if kill and lines == step:
                os.kill(os.getpid(), signal.SIGKILL)
        return on_line

    def on_call(frame, event, argument):
        return on_line if any(place in frame.f_code.co_filename for place in _TRACED) else None

    sys.settrace(on_call)
    try:
        revocation.run(curator_key)
    finally:
        sys.settrace(None)
    return lines


if __name__ == "__main__":
    revoke_until(int(sys.argv[1]), [Path(place) for place in sys.argv[3:]], Path(sys.argv[2]), kill=True)
