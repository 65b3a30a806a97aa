"""One scene: a clip on a target's face, by all generators, beside the clip itself and the target's portrait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from nvfair_tools.governance.uses import USES
from nvfair_tools.viewer.catalogue import Query
from nvfair_tools.viewer.open_set import OpenSet, Picture, plain

_PERSON_FACTS = ("split", "gender", "age", "ethnicity", "aliases", "clips", "flags", "licence", "consent")
_MEASURES = ("face_share", "correlation", "amplitude", "flicker", "sharpness", "identity_arcface", "identity_shape")
_MOST_LINKS = 60  # other faces and other drivers of a scene; the list has the rest


def scene(state: OpenSet, video: str, query: Query) -> dict[str, Any]:
    """What the page shows of a video: the panels of its scene, facts, links, and its place among the query's videos.

    Raises NvfairError where there is no such video.
    """
    videos, number = state.dataset.videos, state.number(video)
    row = videos.iloc[number]
    rows = [int(n) for n in state.catalogue.rows_where(clip=str(row["clip"]), target=str(row["target"]))]
    if number not in rows:
        rows.append(number)
    source = state.catalogue.number(str(row["clip"]))
    if source is not None:
        rows = [source, *(n for n in rows if n != source)]
    table = videos.iloc[rows]
    panels = [panel(state, *pair) for pair in zip(_records(table), state.pictures(table), strict=True)]
    return {
        "video": video,
        "clip": str(row["clip"]),
        "clip_name": str(row["clip_name"]),
        "target": str(row["target"]),
        "driver": str(row["driver"]),
        "has_source": source is not None,
        "panels": panels,
        "portrait": portrait(state, str(row["target"])),
        "facts": {str(record["video"]): facts(state, record) for record in _records(table)},
        "people": {name: _person(state, str(row[name])) for name in ("driver", "target")},
        "other_targets": _links(state, "target", clip=str(row["clip"])),
        "other_drivers": _links(state, "driver", target=str(row["target"])),
        "place": _place(state, number, query),
    }


def card(record: dict[str, Any], picture: Picture, state: OpenSet) -> dict[str, Any]:
    """What the list shows of a row."""
    has_file = isinstance(record["path"], str)
    names = ("video", "kind", "split", "target", "driver", "generator", "clip_name", "state", "reason", "frames")
    return {name: plain(record[name]) for name in names} | {
        "flags": plain(record["flags"]) or [],
        "picture": has_file and not picture.hidden,
        "landmarks": isinstance(record["part"], str),
        "hidden": picture.hidden,
        "not_public": picture.not_public,
        "synthetic": is_synthetic(state, record),
        "version": str(record["sha256"] or "")[:8],
    }


def panel(state: OpenSet, record: dict[str, Any], picture: Picture) -> dict[str, Any]:
    """What one video of a scene needs to be shown and played."""
    has_path = isinstance(record["path"], str)
    is_on_disk = state.file(record["path"]) is not None
    names = ("detail", "fps_num", "fps_den", "width", "height", "motion_mode", "path")
    return card(record, picture, state) | {
        **{name: plain(record[name]) for name in names},
        "picture": is_on_disk and not picture.hidden,
        "missing": has_path and not is_on_disk,
    }


def portrait(state: OpenSet, person: str) -> dict[str, Any]:
    """What the page needs to show the target's portrait, or the reason why there is none."""
    if person not in state.people.index:
        return {"person": person, "picture": False, "why": "this person has no row in identities.parquet"}
    path = state.people.loc[person]["portrait"]
    picture = state.portrait_picture(person)
    if not isinstance(path, str):
        why = "the set has no portrait of this person"
    elif state.file(path) is None:
        why = f"the file is missing: {path}"
    else:
        why = picture.hidden
    return {"person": person, "picture": not why, "why": why, "not_public": picture.not_public}


def is_synthetic(state: OpenSet, record: Mapping[Any, Any]) -> bool:
    """Whether a row is a rendering, or shows people who do not exist."""
    return record["kind"] != "real" or state.dataset.meta.get("simulated") is True


def facts(state: OpenSet, record: dict[str, Any]) -> dict[str, Any]:
    """All columns of a row, what its uses are today with the reasons, and its measures where they were taken."""
    one_row = pd.DataFrame([record])
    uses = []
    for use in USES:
        decision = state.rights.decisions(one_row, use)[0]
        uses.append({"use": use, "permitted": decision.permitted, "detail": decision.detail})
    measures = {}
    if state.quality is not None and record["video"] in state.quality.index:
        measured = state.quality.loc[record["video"]]
        measures = {name: plain(measured[name]) for name in _MEASURES if name in measured}
    return {
        "columns": {name: plain(value) for name, value in record.items()},
        "uses": uses,
        "purpose": state.rights.purpose,
        "day": str(state.rights.day),
        "measures": {name: value for name, value in measures.items() if value is not None},
    }


def _records(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for record in table.to_dict("records"):
        yield {str(name): value for name, value in record.items()}


def _person(state: OpenSet, person: str) -> dict[str, Any]:
    if person not in state.people.index:
        return {"identity": person}
    row = state.people.loc[person]
    known = {name: plain(row[name]) for name in _PERSON_FACTS if name in row}
    return {"identity": person} | {name: value for name, value in known.items() if value not in (None, "", [])}


def _links(state: OpenSet, name: str, **values: str) -> dict[str, Any]:
    """The people (targets or drivers) of the rows with `values`, each with a video to open and the number of rows."""
    rows = state.catalogue.rows_where(**values)
    table = state.dataset.videos[[name, "video", "kind", "state"]].iloc[rows]
    # A rendering that can be watched is the better one to open; the order stays otherwise.
    order = np.argsort((table["kind"].eq("real") * 2 + table["state"].ne("ok")).to_numpy(), kind="stable")
    first = table.iloc[order].drop_duplicates(name).set_index(name)["video"]
    counts = table[name].value_counts()
    people = sorted(map(str, counts.index))
    return {
        "count": len(people),
        "people": [[person, str(first[person]), int(counts[person])] for person in people[:_MOST_LINKS]],
    }


def _place(state: OpenSet, number: int, query: Query) -> dict[str, Any]:
    """Where a row stands among the query's videos, and the ids before and after it; nulls where it is not one."""
    rows = state.catalogue.find(query).rows
    places = np.flatnonzero(rows == number)
    ids = state.dataset.videos["video"]
    if not len(places):
        return {
            "number": None,
            "count": len(rows),
            "previous": None,
            "next": str(ids.iloc[rows[0]]) if len(rows) else None,
        }
    place = int(places[0])
    return {
        "number": place + 1,
        "count": len(rows),
        "previous": str(ids.iloc[rows[place - 1]]) if place else None,
        "next": str(ids.iloc[rows[place + 1]]) if place + 1 < len(rows) else None,
    }
