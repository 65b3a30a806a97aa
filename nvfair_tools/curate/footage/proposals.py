"""Proposes a list of segments for footage of which nobody has written down yet who is in it and when.

The folder of the proposals has `segments.csv`, whose column `identity` the curator fills in, and `index.html`, which
shows each segment.
"""

from __future__ import annotations

import csv
import html
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nvfair_tools.curate.footage.cutting import find_segments
from nvfair_tools.curate.footage.proposal_pictures import PictureTask, PictureWorker, group_faces
from nvfair_tools.curate.session import Session, open_session
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import write_text
from nvfair_tools.pipeline.engines.local import LocalEngine, default_workers
from nvfair_tools.pipeline.items import item_id
from nvfair_tools.pipeline.progress import Reporter
from nvfair_tools.quantities import count_text
from nvfair_tools.recipe.clip_row import ClipRow, Segment
from nvfair_tools.recipe.footage_rule import FootageRule
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec
from nvfair_tools.recipe.recipe import ClipSource, GeneratorChoice, LandmarkRule, Recipe
from nvfair_tools.recipe.rights import Rights

LIST_NAME, SHEET_NAME = "segments.csv", "index.html"
COLUMNS = ("segment", "path", "start", "end", "identity", "frames", "others", "group")
_ITEM_TIME_LIMIT = 6 * 3600.0  # finding the shots of a long file is one item
VERSION = "1"  # of the pictures


@dataclass(frozen=True)
class Proposals:
    """The proposed segments. folder: with the list and the sheet. rows: of the list. left_out: shots and files that
    give no segment, in sentences."""

    folder: Path
    rows: tuple[Mapping[str, str], ...]
    left_out: tuple[str, ...]


def propose_segments(
    files: Sequence[Path],
    out: Path,
    rule: FootageRule | None = None,
    *,
    recogniser: str | None = None,
    workers: int | None = None,
    reporter: Reporter | None = None,
) -> Proposals:
    """Cuts files of footage and writes down the segments, without a name, and a sheet that shows them.

    out: a folder, empty or of an earlier run, which is continued. rule: how files are cut. recogniser: an .onnx file or
    a pack's name; segments of alike faces then get a common `group`. workers: processes, by default one a core.
    Names that were filled into an earlier list stay; NvfairError where a named segment is no longer proposed.
    """
    rule = rule or FootageRule()
    recipe = Recipe(
        name="proposals",
        output=str(out.resolve()),
        sources=[ClipSource(csv=LIST_NAME, footage=rule)],
        rights=Rights(render_if=["research"]),
        generators=[GeneratorChoice(name="warp-dense")],
        item_time_limit=_ITEM_TIME_LIMIT,
        landmarks=LandmarkRule(recogniser=None if recogniser is None else _absolute(recogniser)),
    )
    engine = LocalEngine(default_workers() if workers is None else workers)
    with open_session(recipe, reporter, engine) as session:
        return _propose(session, files, rule)


def _propose(session: Session, files: Sequence[Path], rule: FootageRule) -> Proposals:
    rows = [_unnamed(path.resolve(), path.name, rule) for path in dict.fromkeys(files)]
    segments = find_segments(session, rows, store=False)
    left_out = [f"{row.name}: it cannot be read" for row in rows if row.where not in segments]
    named: list[Segment] = []
    for of_file in segments.values():
        for row in of_file:
            assert row.segment is not None
            if row.segment.result.state == "ok":
                named.append(row.segment)
            else:
                left_out.append(_why(row.segment))
    pictures, embeddings = _pictures(session, named)
    groups = group_faces(embeddings)
    table = [
        {
            "segment": str(number),
            "path": os.path.relpath(segment.footage, session.dataset).replace(os.sep, "/"),
            "start": f"{segment.start:.3f}",
            "end": f"{segment.end:.3f}",
            "identity": "",
            "frames": str(segment.last - segment.first + 1),
            "others": str(segment.others),
            "group": groups.get(number, ""),
        }
        for number, segment in enumerate(named, 1)
    ]
    _keep_names(session.dataset / LIST_NAME, table)
    write_text(session.dataset / LIST_NAME, _list_text(table))
    write_text(session.dataset / SHEET_NAME, _sheet(table, pictures, left_out))
    return Proposals(session.dataset, tuple(table), tuple(left_out))


def _absolute(recogniser: str) -> str:
    path = Path(recogniser)
    return str(path.resolve()) if path.exists() else recogniser


def _unnamed(path: Path, name: str, rule: FootageRule) -> ClipRow:
    """The row of a file of which nobody knows who is in it."""
    return ClipRow(path, name, "unnamed:0", "unnamed", "", "", "", str(path), footage=rule)


def _why(segment: Segment) -> str:
    result = segment.result
    place = "" if segment.last < 0 else f", {_clock(segment.start)} to {_clock(segment.end)}"
    return f"{segment.name}{place}: {result.reason}{': ' if result.detail else ''}{result.detail}"


def _pictures(session: Session, segments: Sequence[Segment]) -> tuple[list[str], dict[int, Sequence[float]]]:
    """The path of each segment's picture, relative to the folder ("" where it failed), and embeddings by number."""
    spec = LandmarkerSpec.from_recipe(session.recipe)
    tasks: dict[str, PictureTask] = {}
    ids = []
    for segment in segments:
        id = item_id(
            "segment picture",
            content=segment.sha256,
            first=segment.first,
            last=segment.last,
            face=segment.face,
            models=spec.fingerprint(),
            version=VERSION,
        )
        ids.append(id)
        path = f"pictures/{id}.jpg"
        tasks[id] = PictureTask(segment, session.dataset / path, path)
    results = session.runner.run_items(
        "picture", partial(PictureWorker, spec), tasks, outputs={id: task.path for id, task in tasks.items()}
    )
    pictures = [tasks[id].path if results[id].state == "ok" else "" for id in ids]
    embeddings = {
        number: results[id].facts["embedding"]
        for number, id in enumerate(ids, 1)
        if results[id].facts.get("embedding") is not None
    }
    return pictures, embeddings


def _keep_names(path: Path, table: Sequence[dict[str, str]]) -> None:
    """Copies the names of an earlier list into the rows of the same segments."""
    if not path.exists():
        return
    with open(path, newline="", encoding="utf-8-sig") as file:
        earlier = [row for row in csv.DictReader(file) if row.get("identity")]
    places = {(row["path"], row["start"], row["end"]): row for row in table}
    lost = [row for row in earlier if (row.get("path"), row.get("start"), row.get("end")) not in places]
    if lost:
        row = lost[0]
        raise NvfairError(
            f"{count_text(len(lost), 'named segment')} would be lost, such as {row.get('identity')} in "
            f"{row.get('path')} from {row.get('start')} s",
            where=path,
            expected="the files and options by which the list was made",
            remedy="give another --out, or rename the list",
        )
    for row in earlier:
        places[row["path"], row["start"], row["end"]]["identity"] = row["identity"]


def _list_text(table: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes)}:{rest:04.1f}"


_SHEET = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Segments of footage</title>
<style>
body {{ font: 15px/1.4 system-ui, sans-serif; margin: 2em; max-width: 75em; }}
figure {{ display: inline-block; margin: 0 1em 1.2em 0; vertical-align: top; }}
figcaption {{ max-width: 30em; }}
</style></head><body>
<h1>Segments of footage</h1>
<p>{count}. Write who each shows into the column <code>identity</code> of <code>{list}</code> (such as
<code>show:anna</code>), and delete the rows that nobody may use. The box marks the followed face.
Nobody has verified an identity: {groups}. These pictures are of people: delete this folder when the list is done.</p>
{figures}
<h2>Left out</h2>
<ul>{left_out}</ul>
</body></html>
"""


def _sheet(table: Sequence[Mapping[str, str]], pictures: Sequence[str], left_out: Sequence[str]) -> str:
    figures = []
    for row, picture in sorted(zip(table, pictures, strict=True), key=lambda pair: pair[0]["group"]):
        texts = [
            f"{row['segment']}: {row['path']}, {_clock(float(row['start']))} to {_clock(float(row['end']))}",
            *([f"{row['group']}"] if row["group"] else []),
            *([f"{count_text(int(row['others']), 'other face')}"] if row["others"] != "0" else []),
            *([row["identity"]] if row["identity"] else []),
        ]
        caption = html.escape("; ".join(texts))
        figures.append(
            f'<figure><img src="{html.escape(picture)}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
        )
    has_groups = any(row["group"] for row in table)
    return _SHEET.format(
        count=count_text(len(table), "segment"),
        list=LIST_NAME,
        groups="a recogniser has put alike faces into groups" if has_groups else "no recogniser was named",
        figures="\n".join(figures),
        left_out="".join(f"<li>{html.escape(text)}</li>" for text in left_out) or "<li>nothing</li>",
    )
