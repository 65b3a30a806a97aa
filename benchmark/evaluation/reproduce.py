"""A bundle from which one cell of a report is recomputed: by another lab, without the data set, to the last digit.

    bundle.json         protocol, the cell as reported, versions, sha256 of the files beside it
    videos.parquet      who drives whom in the videos of the cell
    embeddings.parquet  (or scores.parquet, scores.csv) what they were scored from
    validation.parquet  scores of validation people, where thresholds were taken from them

Subgroup figures are not recomputed: what people are does not travel with figures.

The zip is the same for the same report, byte for byte.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from benchmark.evaluation.evidence import validation_file, videos_file
from benchmark.methods.embedding_files import read_embeddings, table_columns, video_embeddings
from benchmark.methods.score_files import TableScorer, read_scores
from benchmark.protocols.reading import parse_protocol
from benchmark.protocols.schema import Scoring
from benchmark.trial_scores.cells import CellContext, compute_cell_figures
from benchmark.trial_scores.scores import PairScorer, Scorer
from benchmark.trials.trials import cell_generators
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import atomic_output

BUNDLE_VERSION = 1
RECORD, VALIDATION = "bundle.json", "validation.parquet"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold: equal bundles are equal bytes
_MAX_BYTES = 8 * 2**30


@dataclass(frozen=True)
class Difference:
    """A figure that came out otherwise. key: its path in the cell."""

    key: str
    reported: Any
    recomputed: Any


def pack(report: Path, out: Path, *, method: str = "", generator: str = "", protocol: str = "") -> dict[str, Any]:
    """Writes the bundle of one cell of the report in folder `report` to `out` (a zip); returns the cell.

    method, generator, protocol: names that choose the cell; may be empty where one cell is left without them.
    Raises NvfairError where the report kept no evidence, or where not exactly one cell is meant.
    """
    results = _results(report / "results.json")
    wanted = {"method": method, "generator": generator, "protocol": protocol}
    cells = [c for c in results["cells"] if all(not value or c[key] == value for key, value in wanted.items())]
    if len(cells) != 1:
        named = [f"{c['method']} on {c['generator']} under {c['protocol']}" for c in cells or results["cells"]]
        raise NvfairError(
            f"{len(cells)} cells of the report fit",
            where=report,
            expected="exactly one of: " + "; ".join(named),
            remedy="name --method, --generator and --protocol",
        )
    cell = cells[0]
    evidence = report / "evidence" / cell["evidence"] if cell["evidence"] else None
    if evidence is None or not evidence.is_file():
        raise NvfairError(
            "the report kept no embeddings for this cell", where=report, remedy="run `nvfair evaluate` again"
        )
    videos = pd.read_parquet(report / "evidence" / videos_file(cell["section"]))
    videos = videos[videos["generator"].isin(cell_generators(cell["generator"]))].sort_values("video")
    name = ("scores" if "embedding" not in table_columns(evidence)[0] else "embeddings") + evidence.suffix
    files = {
        "videos.parquet": _parquet(pa.Table.from_pandas(videos, preserve_index=False)),
        name: _cut(evidence, videos),
    }
    validation = report / "evidence" / validation_file(cell["method"], cell["section"])
    if validation.is_file():
        files[VALIDATION] = validation.read_bytes()
    record = {
        "format_version": BUNDLE_VERSION,
        "protocol": next(_plain(p) for p in results["protocols"] if p["name"] == cell["protocol"]),
        "cell": cell,
        "data": {key: results["data"][key] for key in ("name", "sha256", "simulated")},
        "about": results["methods"][cell["method"]],
        "machine": results["machine"],
        "files": {key: hashlib.sha256(value).hexdigest() for key, value in files.items()},
    }
    files[RECORD] = (json.dumps(record, indent=1, sort_keys=True) + "\n").encode()
    with atomic_output(out) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
        for key in sorted(files):
            archive.writestr(zipfile.ZipInfo(key, _EPOCH), files[key], zipfile.ZIP_DEFLATED)
    return cell


def run(bundle: Path) -> tuple[dict[str, Any], list[Difference]]:
    """Recomputes the cell in `bundle`: (the cell as reported, every figure that came out otherwise).

    Raises NvfairError where it is no bundle, and Problems where a file in it is not what its record names.
    """
    files = _unpacked(bundle)
    record = json.loads(files.pop(RECORD))
    if record.get("format_version") != BUNDLE_VERSION:
        raise NvfairError(
            f"format version {record.get('format_version')!r}", where=bundle, expected=f"version {BUNDLE_VERSION}"
        )
    wrong = [
        f"{name} is {'missing' if name not in files else 'not the file that the record names'}"
        for name, digest in record["files"].items()
        if name not in files or hashlib.sha256(files[name]).hexdigest() != digest
    ]
    if wrong:
        raise Problems(bundle, wrong, remedy="ask for the bundle again")
    cell, protocol = record["cell"], parse_protocol(record["protocol"], where=bundle)
    videos = pq.read_table(io.BytesIO(files["videos.parquet"])).to_pandas()
    asked, scored = videos.reset_index(drop=True), videos[videos["scored"]].reset_index(drop=True)
    scorer = _scorer(bundle, files, scored["video"].to_numpy(dtype=object), protocol.scoring)
    again = compute_cell_figures(scorer, scored, cell["generator"], protocol, CellContext(asked, _validation(files)))
    again = json.loads(json.dumps(again.to_json(), allow_nan=False))
    reported = {key: value for key, value in cell.items() if key in again}
    return cell, list(_differences(reported, again, ""))


def _results(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NvfairError(
            "no report here", where=path, remedy="name the folder that `nvfair evaluate` wrote"
        ) from error


def _plain(protocol: dict[str, Any]) -> dict[str, Any]:
    """A protocol as its file has it, without what the results add."""
    return {key: value for key, value in protocol.items() if key not in ("digest", "section")}


def _cut(path: Path, videos: pd.DataFrame) -> bytes:
    """The rows of a file of embeddings that belong to `videos`; a file of scores as it is."""
    if "embedding" not in table_columns(path)[0]:
        return path.read_bytes()
    table = pq.read_table(path)
    wanted = pa.array(videos["video"].tolist(), pa.string())
    return _parquet(table.filter(pa.compute.is_in(table.column("video").cast(pa.string()), value_set=wanted)))


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), buffer, compression="zstd")
    return buffer.getvalue()


def _unpacked(bundle: Path) -> dict[str, bytes]:
    """The files of a bundle; refused where it is no zip, lacks its record, or would fill the memory."""
    try:
        with zipfile.ZipFile(bundle) as archive:
            size = sum(info.file_size for info in archive.infolist())
            if size > _MAX_BYTES:
                raise NvfairError(f"it unpacks to {size} bytes", where=bundle, expected=f"at most {_MAX_BYTES}")
            files = {info.filename: archive.read(info) for info in archive.infolist()}
    except FileNotFoundError as error:
        raise NvfairError("no such bundle", where=bundle) from error
    except (zipfile.BadZipFile, EOFError) as error:
        raise NvfairError(f"not a whole zip: {error}", where=bundle, remedy="ask for the bundle again") from error
    if RECORD not in files:
        raise NvfairError(f"it has no {RECORD}", where=bundle, expected="a zip that `nvfair reproduce pack` wrote")
    return files


def _validation(files: dict[str, bytes]) -> tuple[np.ndarray, np.ndarray] | None:
    if VALIDATION not in files:
        return None
    table = pq.read_table(io.BytesIO(files[VALIDATION])).to_pandas()
    genuine, impostor = (table.loc[table["kind"] == kind, "score"].to_numpy() for kind in ("genuine", "impostor"))
    return genuine, impostor


def _scorer(bundle: Path, files: dict[str, bytes], videos: np.ndarray, scoring: Scoring) -> PairScorer:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("embeddings.parquet", "scores.parquet", "scores.csv"):
            if name in files:
                path = Path(folder) / name
                path.write_bytes(files[name])
                if name.startswith("scores"):
                    return TableScorer(read_scores(path), videos, bundle)
                return Scorer(video_embeddings(read_embeddings(path), videos.tolist(), where=bundle), scoring)
    raise NvfairError("it holds neither embeddings nor scores", where=bundle, remedy="ask for the bundle again")


def _differences(reported: Any, again: Any, key: str) -> Iterator[Difference]:
    """Leaves that differ; numbers must be equal to the last digit."""
    if isinstance(reported, dict) and isinstance(again, dict):
        for name in sorted({*reported, *again}):
            yield from _differences(reported.get(name), again.get(name), f"{key}.{name}".lstrip("."))
    elif isinstance(reported, list) and isinstance(again, list) and len(reported) == len(again):
        for n, (one, other) in enumerate(zip(reported, again, strict=True)):
            yield from _differences(one, other, f"{key}[{n}]")
    elif reported != again:
        yield Difference(key, reported, again)
