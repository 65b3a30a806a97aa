"""The functions that commands and notebooks call: data, methods and protocols by name, typed results.

`import benchmark` gives them as `benchmark.evaluate`, `benchmark.compare` and `benchmark.embed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any, Literal

from benchmark.evaluation.by_name.inputs import (
    MethodLike,
    Progress,
    ProtocolLike,
    chosen_reenactments,
    opened_dataset,
    optional_path,
    several_protocols,
)
from benchmark.evaluation.by_name.prepared import prepare_evaluation, prepare_stress
from benchmark.evaluation.compare import ComparedCell
from benchmark.evaluation.compare import compare as compare_candidates
from benchmark.evaluation.results import EvaluationResults
from benchmark.evaluation.run import evaluate as run_evaluation
from benchmark.methods.candidates import as_candidate
from benchmark.methods.device import resolve_device
from benchmark.stress.rates import StressRate
from nvfair_tools.dataset import Dataset
from nvfair_tools.files import make_folder, sha256_of

DEFAULT_PROTOCOLS = ("nvfair-seen", "nvfair-unseen")


def evaluate(
    data: Dataset | str | Path,
    methods: MethodLike | Sequence[MethodLike],
    *,
    out: str | Path | None = None,
    protocols: ProtocolLike | Sequence[ProtocolLike] = DEFAULT_PROTOCOLS,
    generators: Sequence[str] = (),
    stress: Literal["none", "quick", "full"] = "none",
    allow_overlap: bool = False,
    leave_out_overlap: bool = False,
    declaration: str | Path | None = None,
    normalise_by: Dataset | str | Path | None = None,
    cohort_split: str = "train",
    nearest: int = 0,
    device: str = "auto",
    progress: Progress = lambda message: None,
) -> EvaluationResults:
    """Scores methods on a data set's test people, beside the shortcuts on the same trials.

        results = evaluate("runs/clips", ["runs/cnn", my_method], out="runs/report")

    data: a data set, or its folder. methods: one method or several, in memory or by name (see `MethodLike`). out: a
    folder for the report, results.json and the evidence; None writes nothing. protocols: protocols, their names, or
    the paths of their files. generators: test generators; empty for those of the protocols, or all there are. stress:
    sweeps and tests that make the inputs worse. allow_overlap: score people and generators that a method has touched;
    its cells are then stamped as contaminated. leave_out_overlap: leave out the test people whom a method has touched.
    declaration: a file that says what files of embeddings were trained on, where they do not say it themselves.
    normalise_by: a cohort of people who are in no trial, a data set (the people of its split `cohort_split`) or a file
    that `embed` wrote: every method that gives embeddings has a second row, with scores normalised by the cohort, of
    which the `nearest` videos count for each side of a trial (0: all). progress: called with a line of text before each
    longer step.

    A notebook shows the results as a table. Raises Problems where test people or unseen generators were touched, and
    NvfairError where a method, protocol or device is not found, or nothing can be scored.
    """
    from benchmark.report import write_report_folder

    prepared = prepare_evaluation(
        data,
        methods,
        protocols=protocols,
        generators=generators,
        stress=stress,
        allow_overlap=allow_overlap,
        leave_out_overlap=leave_out_overlap,
        declaration=declaration,
        normalise_by=normalise_by,
        cohort_split=cohort_split,
        nearest=nearest,
        device=device,
        progress=progress,
    )
    folder = None if out is None else make_folder(Path(out))
    options = replace(
        prepared.options,
        stress_store=None if folder is None or stress == "none" else folder / "stress",
        evidence=None if folder is None else folder / "evidence",
    )
    results = run_evaluation(prepared.dataset, prepared.candidates, prepared.protocols, options, progress=progress)
    if folder is not None and (reason := write_report_folder(folder, results, prepared.dataset)):
        progress(f"no page of single videos: {reason}")
    return results


def stress_test(
    data: Dataset | str | Path,
    methods: MethodLike | Sequence[MethodLike],
    *,
    out: str | Path | None = None,
    protocol: ProtocolLike = "nvfair-unseen",
    generators: Sequence[str] = (),
    tests: Sequence[str] = (),
    quick: bool = False,
    faces: int | None = None,
    clips: int | None = None,
    allow_overlap: bool = False,
    device: str = "auto",
    progress: Progress = lambda message: None,
) -> tuple[StressRate, ...]:
    """Error rates of methods at a fixed threshold while videos, drivers or impostors get worse.

    out: a folder for stress.json, stress.html and stress.md, and for what an interrupted run goes on from; None writes
    nothing. generators: test generators; default the first by name. tests: names of `benchmark.stress.ALL_TESTS`;
    empty for all. quick: few cases on few faces. faces, clips: the number of faces whose videos are encoded again, and
    of clips of each other driver on each of them; 0 for all, None for the plan's number. Everything else is as in
    `evaluate`.

    Raises Problems where a method has touched test people and `allow_overlap` is False, and NvfairError where a method,
    protocol, test or generator is not found, and where no target has genuine and impostor trials.
    """
    from benchmark.evaluation.run import run_stress_tests
    from benchmark.report.stress_page import write_stress_folder

    prepared = prepare_stress(
        data, methods, protocol=protocol, tests=tests, quick=quick, faces=faces, clips=clips, device=device
    )
    folder = None if out is None else make_folder(Path(out))
    rows = run_stress_tests(
        prepared.dataset,
        prepared.candidates,
        prepared.protocol,
        prepared.plan,
        generators=tuple(generators),
        allow_overlap=allow_overlap,
        store=folder,
        progress=progress,
    )
    if folder is not None:
        write_stress_folder(folder, rows, prepared.dataset, prepared.protocol)
    return rows


@dataclass(frozen=True)
class Comparison:
    """The paired differences of two methods, one for each protocol and generator; a notebook shows them as a table."""

    cells: tuple[ComparedCell, ...]

    def __iter__(self) -> Iterator[ComparedCell]:
        return iter(self.cells)

    def __len__(self) -> int:
        return len(self.cells)

    def to_json(self) -> list[dict[str, Any]]:
        """Plain values for a JSON file."""
        return [cell.to_json() for cell in self.cells]

    def table_rows(self) -> list[tuple[str, ...]]:
        """Texts for a table with the columns of `TABLE_COLUMNS`."""
        return [_row_texts(cell) for cell in self.cells]

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{column}</th>" for column in COMPARISON_COLUMNS)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in texts) + "</tr>" for texts in self.table_rows()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


COMPARISON_COLUMNS = ("protocol", "tested on", "first", "second", "difference", "95 % interval", "decided")


def compare(
    data: Dataset | str | Path,
    first: MethodLike,
    second: MethodLike,
    *,
    protocols: ProtocolLike | Sequence[ProtocolLike] = DEFAULT_PROTOCOLS,
    generators: Sequence[str] = (),
    allow_overlap: bool = False,
    declarations: Sequence[str | Path | None] = (),
    device: str = "auto",
    progress: Progress = lambda message: None,
) -> Comparison:
    """Compares two methods on the same trials: the first's AUC less the second's, with its paired interval.

    first, second: methods in memory or by name (see `MethodLike`). declarations: of the first and of the second, where
    they are files that do not say what they were trained on. Everything else is as in `evaluate`.

    Raises NvfairError where both have one name or there is nothing to compare, and Problems where people or generators
    overlap and `allow_overlap` is False.
    """
    device = resolve_device(device)
    one_each = [*declarations, None, None][:2]
    candidates = [
        as_candidate(method, device=device, declaration=optional_path(path))
        for method, path in zip((first, second), one_each, strict=True)
    ]
    cells = compare_candidates(
        opened_dataset(data),
        candidates[0],
        candidates[1],
        several_protocols(protocols),
        generators=tuple(generators),
        allow_overlap=allow_overlap,
        progress=progress,
    )
    return Comparison(tuple(cells))


@dataclass(frozen=True)
class EmbeddedVideos:
    """A file of embeddings that was written. incomplete: videos of which some or all windows were left out."""

    path: Path
    windows: int
    videos: int
    incomplete: int


def embed(
    data: Dataset | str | Path,
    checkpoint: str | Path,
    out: str | Path,
    *,
    split: str = "test",
    generators: Sequence[str] = (),
    protocol: ProtocolLike = "nvfair-seen",
    device: str = "auto",
) -> EmbeddedVideos:
    """Embeds the windows of a data set's reenactments with a checkpoint and writes them to a Parquet file.

    The file says what the checkpoint was trained on, so that `evaluate` takes it. checkpoint: its folder, or
    "pretrained:NAME". split: of the people. generators: only these; empty for all.
    Started several times by `torchrun`, the processes share the videos, and the first writes the file.
    Raises NvfairError where no reenactment is left, or the checkpoint or protocol is not found.
    """
    from benchmark.methods.checkpoint import load_checkpoint
    from benchmark.methods.cohorts import META_KEY, cohort_meta
    from benchmark.methods.embedding_files import write_embeddings
    from benchmark.methods.embedding_shares import EmbeddingShare
    from benchmark.windows.grey_frames import with_grey_frames
    from benchmark.windows.window_set import read_windows

    (rule,) = several_protocols(protocol)
    share = EmbeddingShare.of_this_process()
    method = load_checkpoint(checkpoint, share.device(resolve_device(device)))
    dataset, path = opened_dataset(data), Path(out)
    chosen = chosen_reenactments(dataset, split, generators)
    make_folder(path.parent)
    videos = share.of(sorted(chosen["video"]))
    windows = read_windows(dataset, rule, videos=videos, mesh=method.needs == "mesh")
    meta = {
        "protocol": rule.digest,
        "checkpoint": method.digest,
        "data": sha256_of(dataset.folder / "dataset.json"),
        "declaration": method.declaration.to_text(),
        "time": rule.time.model_dump_json(),
        META_KEY: cohort_meta(windows, rule),
    }
    if method.needs == "frames":
        windows = with_grey_frames(windows, dataset)
    write_embeddings(share.path(path), windows, method.embed_all(windows), meta)
    counts = share.join(path, (len(windows), len(windows.videos), len(windows.excluded)))
    return EmbeddedVideos(path, *(sum(column) for column in zip(*counts, strict=True)))


def _row_texts(cell: ComparedCell) -> tuple[str, ...]:
    auc = cell.auc_mean
    relations = list(dict.fromkeys([cell.first.relation, cell.second.relation]))
    return (
        cell.protocol,
        f"{cell.generator} ({' / '.join(relations)})",
        f"{cell.first.method} {auc.first:.3f}",
        f"{cell.second.method} {auc.second:.3f}",
        f"{auc.difference:+.3f}",
        (auc.reason or "none") if auc.low is None or auc.high is None else f"{auc.low:+.3f} to {auc.high:+.3f}",
        "yes" if auc.decided else "no",
    )
