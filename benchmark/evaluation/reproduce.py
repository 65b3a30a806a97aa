"""A bundle from which one cell of a report is recomputed: by another lab, without the data set, to the last digit.

    bundle.json         protocol, the cell as reported, versions, sha256 of the files beside it
    videos.parquet      who drives whom in the videos of the cell
    embeddings.parquet  (or scores.parquet, scores.csv) what they were scored from
    validation.parquet  scores of validation people, where thresholds were taken from them

Subgroup figures are not recomputed: what people stated about themselves does not travel with figures. Embeddings are
made from people, so that a bundle is written only where everybody in the cell agreed to redistribution.

The zip is the same for the same report, byte for byte.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from benchmark.evaluation.bundle_files import (
    BUNDLE_VERSION,
    RECORD,
    SCORED_FILES,
    VALIDATION,
    VIDEOS,
    read_bundle,
    read_validation,
    read_videos,
)
from benchmark.evaluation.evidence import evidence_rights, validation_file, videos_file
from benchmark.evaluation.result_rows import CellResult
from benchmark.evaluation.results import EvaluationResults, read_results
from benchmark.methods.embedding_files import read_embeddings, table_columns, video_embeddings
from benchmark.methods.score_files import TableScorer, read_scores
from benchmark.protocols.reading import parse_protocol
from benchmark.protocols.schema import Scoring
from benchmark.trial_scores.cell_figures import CellFigures
from benchmark.trial_scores.cells import CellContext, compute_cell_figures
from benchmark.trial_scores.scores import PairScorer, Scorer
from benchmark.trials.trials import cell_generators
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.rights import DatasetRights
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import atomic_output
from nvfair_tools.governance.decision import count_reasons
from nvfair_tools.quantities import count_text

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold: equal bundles are equal bytes


@dataclass(frozen=True)
class ChangedFigure:
    """A figure of which another value was recomputed; key: its path in the cell, such as "auc_mean.value"."""

    key: str
    reported: Any
    recomputed: Any


@dataclass(frozen=True)
class RecomputedCell:
    """The cell of a bundle, its recomputed figures, and those that are not as reported (empty: all are the same)."""

    method: str
    generator: str
    protocol: str
    figures: CellFigures
    changed: tuple[ChangedFigure, ...]


def write_bundle(
    report: Path,
    out: Path,
    *,
    method: str = "",
    generator: str = "",
    protocol: str = "",
    dataset: Dataset | None = None,
    day: date | None = None,
) -> CellResult:
    """Writes the bundle of one cell of the report in folder `report` to `out` (a zip); returns the cell.

    method, generator, protocol: names that choose the cell; may be empty where one cell is left without them. dataset:
    says what people agree to; None for what it said when the report was made. day: of the question; default, today.
    Raises NvfairError where the report kept no evidence, where not exactly one cell is meant, and where a video of the
    cell may not be passed on.
    """
    cell, files = bundle_content(
        report, method=method, generator=generator, protocol=protocol, dataset=dataset, day=day
    )
    with atomic_output(out) as temporary_path, zipfile.ZipFile(temporary_path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), files[name], zipfile.ZIP_DEFLATED)
    return cell


def bundle_content(
    report: Path,
    *,
    method: str = "",
    generator: str = "",
    protocol: str = "",
    dataset: Dataset | None = None,
    day: date | None = None,
) -> tuple[CellResult, dict[str, bytes]]:
    """The cell that `write_bundle` writes, and the files of its bundle. Raises what `write_bundle` raises."""
    results = read_results(report / "results.json")
    cell = _chosen_cell(results, report, method, generator, protocol)
    if "normalisation" in results.methods[cell.method].details:
        raise NvfairError(
            "scores that a cohort normalises do not travel in a bundle",
            where=report,
            remedy="pack the cell of the method without it; evidence/ holds the cohort's embeddings, from which "
            "benchmark.trial_scores.score_normalisation recomputes these scores",
        )
    evidence = report / "evidence" / cell.evidence if cell.evidence else None
    if evidence is None or not evidence.is_file():
        raise NvfairError(
            "the report kept no embeddings for this cell", where=report, remedy="run `nvfair evaluate` again"
        )
    videos = pd.read_parquet(report / "evidence" / videos_file(cell.section))
    videos = videos[videos["generator"].isin(cell_generators(cell.generator))].sort_values("video")
    reasons = _refused_videos(report, results, videos, dataset, day)
    if reasons:
        raise _not_to_be_passed_on(report, reasons, len(videos))
    name = ("scores" if "embedding" not in table_columns(evidence)[0] else "embeddings") + evidence.suffix
    files = {
        VIDEOS: _parquet_bytes(pa.Table.from_pandas(videos, preserve_index=False)),
        name: _rows_of_videos(evidence, videos),
    }
    validation = report / "evidence" / validation_file(cell.method, cell.section)
    if validation.is_file():
        files[VALIDATION] = validation.read_bytes()
    data = results.data
    record = {
        "format_version": BUNDLE_VERSION,
        "protocol": next(
            p.protocol.model_dump(mode="json") for p in results.protocols if p.protocol.name == cell.protocol
        ),
        "cell": cell.to_json(),
        "data": {"name": data.name, "sha256": data.sha256, "simulated": data.simulated},
        "about": results.methods[cell.method].to_json(),
        "machine": results.machine.to_json(),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    files[RECORD] = (json.dumps(record, indent=1, sort_keys=True) + "\n").encode()
    return cell, files


def recompute_bundle(bundle: Path) -> RecomputedCell:
    """Recomputes the cell in `bundle` and compares every figure with the reported one, to the last digit.

    Raises NvfairError where it is no bundle or is too large, and Problems where a file in it is not what its record
    names. `nvfair reproduce run` does this in a child process with bounded memory and time.
    """
    record, files = read_bundle(bundle)
    cell, protocol = record.reported, parse_protocol(record.protocol, where=bundle)
    if protocol.name != cell["protocol"]:
        raise NvfairError(
            f"its protocol is {protocol.name[:80]!r}, but its figures are said to be of {cell['protocol'][:80]!r}",
            where=bundle,
            remedy="ask for the bundle again",
        )
    videos = read_videos(bundle, files[VIDEOS])
    requested = videos.reset_index(drop=True)
    scored = videos[videos["scored"]].reset_index(drop=True)
    scorer = _scorer(bundle, files, scored["video"].to_numpy(dtype=object), protocol.scoring)
    validation_scores = read_validation(bundle, files[VALIDATION]) if VALIDATION in files else None
    context = CellContext(requested, validation_scores)
    figures = compute_cell_figures(scorer, scored, cell["generator"], protocol, context)
    recomputed = json.loads(json.dumps(figures.to_json(), allow_nan=False))
    reported = {key: value for key, value in cell.items() if key in recomputed}
    changed = tuple(_changed_figures(reported, recomputed, ""))
    return RecomputedCell(cell["method"], cell["generator"], cell["protocol"], figures, changed)


def _refused_videos(
    report: Path, results: EvaluationResults, videos: pd.DataFrame, dataset: Dataset | None, day: date | None
) -> list[tuple[str, str]]:
    """(reason, detail) of each video of a cell that may not be passed on; see `write_bundle`."""
    if dataset is None:
        rights = evidence_rights(report / "evidence", results.data.simulated, day)
        decisions = rights.decisions(videos, "redistribution")
        return [(decision.reason, decision.detail) for decision in decisions if not decision.permitted]
    usable = dataset.usable()
    known = usable[usable["video"].isin(videos["video"])]
    decisions = DatasetRights(dataset, day).decisions(known, "redistribution")
    gone = ("not_in_the_set", f"{dataset.folder} has no such usable video")
    refused = [(decision.reason, decision.detail) for decision in decisions if not decision.permitted]
    return refused + [gone] * (len(videos) - len(known))


def _not_to_be_passed_on(report: Path, reasons: list[tuple[str, str]], videos: int) -> NvfairError:
    counts = count_reasons(reason for reason, _ in reasons)
    return NvfairError(
        f"what people and licences say forbids to pass on {len(reasons):,} of the {count_text(videos, 'video')} of "
        f"this cell ({counts}); the first: {reasons[0][1]}",
        where=report,
        expected="a yes to redistribution from everybody in the cell, in a consent table or as permitted use 'any'",
        remedy="evaluate without these videos (`nvfair evaluate ... --use redistribution`), and pack that report; "
        "docs/consent.md says who is asked",
    )


def _chosen_cell(results: EvaluationResults, report: Path, method: str, generator: str, protocol: str) -> CellResult:
    """The one cell that the names choose; an empty name fits any cell."""
    cells = [
        cell
        for cell in results.cells
        if method in ("", cell.method) and generator in ("", cell.generator) and protocol in ("", cell.protocol)
    ]
    if len(cells) != 1:
        names = [f"{cell.method} on {cell.generator} under {cell.protocol}" for cell in cells or results.cells]
        raise NvfairError(
            f"{len(cells)} cells of the report fit",
            where=report,
            expected="exactly one of: " + "; ".join(names),
            remedy="name --method, --generator and --protocol",
        )
    return cells[0]


def _rows_of_videos(path: Path, videos: pd.DataFrame) -> bytes:
    """The rows of a file of embeddings or scores that belong to `videos` alone, as a file of the same kind."""
    own = frozenset(videos["video"])
    if "embedding" in table_columns(path)[0]:
        table = pq.read_table(path)
        return _parquet_bytes(table.filter(pa.compute.is_in(table.column("video").cast(pa.string()), pa.array(own))))
    if path.suffix == ".csv":
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        return rows[[own.issuperset(trial.split("|")) for trial in rows["trial"]]].to_csv(index=False).encode()
    table = pq.read_table(path)
    trials = table.column("trial").cast(pa.string()).to_pylist()
    return _parquet_bytes(table.filter(pa.array([own.issuperset(trial.split("|")) for trial in trials], pa.bool_())))


def _parquet_bytes(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), buffer, compression="zstd")
    return buffer.getvalue()


def _scorer(bundle: Path, files: dict[str, bytes], videos: np.ndarray, scoring: Scoring) -> PairScorer:
    with tempfile.TemporaryDirectory() as folder:
        for name in SCORED_FILES:
            if name in files:
                path = Path(folder) / name
                path.write_bytes(files[name])
                with _errors_of_bundle(bundle, name):
                    if name.startswith("scores"):
                        return TableScorer(read_scores(path), videos, bundle)
                    table = read_embeddings(path)
                return Scorer(video_embeddings(table, videos.tolist(), where=bundle), scoring)
    raise AssertionError("read_bundle takes no bundle without embeddings or scores")


@contextmanager
def _errors_of_bundle(bundle: Path, name: str) -> Iterator[None]:
    """Errors of the file `name` as errors of the bundle: where it was unpacked says nothing to a reader."""
    try:
        yield
    except Problems as error:
        raise Problems(bundle, [f"{name}: {problem}" for problem in error.problems], remedy=error.remedy) from error
    except NvfairError as error:
        raise NvfairError(f"{name}: {error.what}", where=bundle, expected=error.expected) from error


def _changed_figures(reported: Any, recomputed: Any, key: str) -> Iterator[ChangedFigure]:
    """Leaves of two JSON values that differ; numbers must be equal to the last digit."""
    if isinstance(reported, dict) and isinstance(recomputed, dict):
        for name in sorted({*reported, *recomputed}):
            yield from _changed_figures(reported.get(name), recomputed.get(name), f"{key}.{name}".lstrip("."))
    elif isinstance(reported, list) and isinstance(recomputed, list) and len(reported) == len(recomputed):
        for position, (before, after) in enumerate(zip(reported, recomputed, strict=True)):
            yield from _changed_figures(before, after, f"{key}[{position}]")
    elif reported != recomputed:
        yield ChangedFigure(key, reported, recomputed)
