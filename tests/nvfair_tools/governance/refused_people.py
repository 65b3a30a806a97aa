"""A small data set in which every kind of refusal occurs once, in people who have nothing else wrong with them."""

from __future__ import annotations

import csv
import shutil
from datetime import date
from pathlib import Path

import yaml

from tests.nvfair_tools.moving_portraits import write_clip

DAY = date(2026, 7, 1)
# Names that occur nowhere else, so that they can be searched for in every byte.
ANN, BOB, NO_FACE, NO_DRIVER = "lab:qxann", "lab:qxbob", "lab:qxface", "lab:qxdrive"
# {person: why nothing is made of the clip}.
REFUSED = {
    "lab:zv01": "consent_withdrawn",
    "lab:zv02": "consent_refused",
    "lab:zv03": "consent_unknown",
    "lab:zv04": "consent_not_yet_valid",
    "lab:zv05": "consent_expired",
    "lab:zv06": "scope_not_covered",
    "lab:zv07": "use_not_permitted",
    "lab:zv08": "licence_forbids",
    "lab:zv09": "licence_unknown",
}
COLUMNS = ["identity", "target", "driver", "training", "redistribution", "display", "voice"]
COLUMNS += ["scope", "evidence", "date", "expires", "withdrawn"]
AGREED = dict.fromkeys(COLUMNS[1:7], "yes") | {"scope": "research", "evidence": "form", "date": "2026-01-01"}


def consent_rows() -> list[dict[str, str]]:
    """The consent table: everybody agrees to everything, but for what the names above say."""
    differences = {
        ANN: {},
        BOB: {"expires": "2027-01-01", "display": "no"},
        NO_FACE: {"target": "no"},
        NO_DRIVER: {"driver": "unknown"},
        "lab:twin": {},
        "lab:zv01": {"withdrawn": "2026-06-01"},
        "lab:zv02": {"training": "no"},
        "lab:zv03": {"redistribution": "unknown"},
        "lab:zv04": {"date": "2026-07-02"},
        "lab:zv05": {"expires": "2026-06-30"},
        "lab:zv06": {"scope": "education; commercial"},
        "lab:zv07": {},
        "lab:zv08": {},
        "lab:zv09": {},
    }
    return [AGREED | {"identity": identity} | changes for identity, changes in differences.items()]


def write_consent(path: Path, rows: list[dict[str, str]]) -> Path:
    """Writes a consent table."""
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_refusals(folder: Path) -> Path:
    """Clips, their list, the consent table and the recipe in `folder`; returns the recipe."""
    rows = []
    clips = [(ANN, "hopper", 2), (BOB, "astronaut", 2), (NO_FACE, "astronaut", 1), (NO_DRIVER, "hopper", 2)]
    clips += [(identity, "hopper", 1) for identity in REFUSED]
    for person, (identity, face, count) in enumerate(clips):
        for number in range(count):
            name = f"{identity.partition(':')[2]}-{number}.mp4"
            write_clip(folder / "clips" / name, face, 3 * person + number)
            rows.append({"path": f"clips/{name}", "identity": identity})
    # A permitted person whose file is that of somebody who took the consent back.
    shutil.copy(folder / "clips" / "zv01-0.mp4", folder / "clips" / "twin.mp4")
    rows.append({"path": "clips/twin.mp4", "identity": "lab:twin"})
    changes = {"lab:zv07": {"permitted_use": "viewing only"}, "lab:zv08": {"licence": "CC-BY-ND-4.0"}}
    changes["lab:zv09"] = {"licence": "a handshake"}
    with open(folder / "clips.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, ["path", "identity", "split", "licence", "permitted_use"])
        writer.writeheader()
        usual = {"split": "train", "licence": "CC-BY-4.0", "permitted_use": "research"}
        writer.writerows(usual | row | changes.get(row["identity"], {}) for row in rows)
    write_consent(folder / "consent.csv", consent_rows())
    tool = {"name": "in-house", "licence": "nobody knows", "command": "absent-program {portrait} {clip} {out}"}
    recipe = {
        "name": "Refusals",
        "output": "dataset",
        "sources": [{"csv": "clips.csv"}],
        "rights": {"render_if": ["research"], "consent": "consent.csv", "use": ["training", "redistribution"]},
        "generators": [{"name": "warp-dense"}, {"name": "external", "settings": tool}],
        "features": {"distances": "none"},
        "policy": {"min_frames": 8},
        "workers": 0,
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    return folder / "recipe.yaml"
