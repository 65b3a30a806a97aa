"""`nvfair embed`, `nvfair evaluate`: the method author's side."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.benchmark.threads import threads_option
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.names import GENERATOR, METHOD, PROTOCOL
from nvfair_tools.cli.paths import CHECKPOINT, DATASET, INPUT, INPUT_FILE, OUTPUT_FOLDER, output
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.governance.uses import Use
from nvfair_tools.quantities import count_text


@click.command()
@preflighted("author:embed")
@click.argument("dataset", type=DATASET)
@output(folder=False)
@click.option(
    "--checkpoint",
    "folder",
    required=True,
    type=CHECKPOINT,
    help="Folder that `nvfair train` wrote, or pretrained:NAME.",
)
@click.option("--split", default="test", show_default=True, help="Whose videos: those of train, validation or test.")
@click.option("--generators", "-g", multiple=True, type=GENERATOR, help="Only these generators; repeatable.")
@click.option("--protocol", default="nvfair-seen", show_default=True, type=PROTOCOL, help="Name, or a .json file.")
@click.option("--device", default="auto", show_default=True, help="Where to compute: cpu, cuda or auto.")
@threads_option
@dry_run_option
@reports
def embed(
    dataset: Path,
    out: Path,
    folder: Path,
    split: str,
    generators: tuple[str, ...],
    protocol: str,
    device: str,
    dry_run: bool,
) -> dict[str, Any]:
    """Embed the windows of DATASET's reenactments; write them to OUT, a Parquet file.

    Several GPUs: `torchrun --nproc-per-node 4 -m nvfair_tools embed ...`; each process embeds a share of the videos.
    """
    needs_torch()
    from benchmark.interface import embed as embed_videos
    from nvfair_tools.pipeline.progress_lines import task_progress

    chosen = split_names(generators)
    if dry_run:
        return _would_embed(dataset, folder, out, split, chosen, protocol, device)
    main = os.environ.get("RANK", "0") == "0"  # of several processes, one speaks
    with task_progress("embedding", quiet=not main):
        embedded = embed_videos(dataset, folder, out, split=split, generators=chosen, protocol=protocol, device=device)
    if main:
        text = (
            f"{count_text(embedded.windows, 'window')} of {count_text(embedded.videos, 'video')}; "
            f"{embedded.incomplete} lost some or all"
        )
        click.echo(f"{out}: {text}")
        click.echo(f"next: nvfair evaluate {dataset} --embeddings {out} --out REPORT")
    counts = {"windows": embedded.windows, "videos": embedded.videos, "incomplete": embedded.incomplete}
    return {"file": out, **counts}


def _would_embed(
    dataset: Path, folder: Path, out: Path, split: str, generators: tuple[str, ...], protocol: str, device: str
) -> dict[str, Any]:
    """Says what `embed` would write, after its checks."""
    from benchmark.evaluation.by_name.inputs import chosen_reenactments, opened_dataset, several_protocols
    from benchmark.methods.checkpoint import load_checkpoint
    from benchmark.methods.device import resolve_device

    several_protocols(protocol)
    method = load_checkpoint(folder, resolve_device(device))
    videos = chosen_reenactments(opened_dataset(dataset), split, generators)
    frames = int(videos["frames"].sum())
    what = f"the embeddings by {method.name} of {count_text(len(videos), 'video')} of {count_text(frames, 'frame')}"
    return would_write([Output(out, what)], file=out, videos=len(videos), frames=frames)


@click.command()
@preflighted("author:evaluate")
@click.argument("dataset", type=DATASET)
@click.option(
    "--checkpoint",
    "folders",
    multiple=True,
    type=CHECKPOINT,
    help="Folder that `nvfair train` wrote, or pretrained:NAME; repeatable.",
)
@click.option(
    "--method", "methods", multiple=True, type=METHOD, help="Installed method, or package.module:attribute; repeatable."
)
@click.option("--embeddings", "files", multiple=True, type=INPUT_FILE, help="File of embeddings or scores; repeatable.")
@click.option(
    "--declaration", type=INPUT_FILE, help="What the --embeddings were trained on (YAML), where they do not say."
)
@click.option("--out", required=True, type=OUTPUT_FOLDER, help="Folder for the report, results.json and the evidence.")
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    type=PROTOCOL,
    help="Name, or a .json file; repeatable. [default: nvfair-seen, nvfair-unseen]",
)
@click.option("--generators", "-g", multiple=True, type=GENERATOR, help="Test generators; repeatable. [default: all]")
@click.option(
    "--stress", type=click.Choice(["none", "quick", "full"]), default="none", show_default=True, help="Stress sweeps."
)
@click.option(
    "--use",
    "uses",
    multiple=True,
    type=click.Choice(["redistribution", "display"]),
    help="Leave out videos that may not be used so either, for a report to pass on or to show; repeatable.",
)
@click.option("--allow-overlap", is_flag=True, help="Score overlapping people or generators; stamps 'contaminated'.")
@click.option("--leave-out-overlap", is_flag=True, help="Leave out test people whom a method has touched.")
@click.option(
    "--normalise-by",
    type=INPUT,
    metavar="COHORT",
    help="A data set, or a file of `nvfair embed`, of people who are in no trial: each method has a second row, with "
    "scores normalised by them.",
)
@click.option(
    "--cohort-split", default="train", show_default=True, help="Split of the cohort's data set whose people count."
)
@click.option(
    "--nearest",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="So many of the cohort's videos count for each side of a trial, the most alike; 0: all.",
)
@click.option("--device", default="auto", show_default=True, help="Where to compute: cpu, cuda or auto.")
@threads_option
@dry_run_option
@reports
def evaluate(
    dataset: Path,
    folders: tuple[Path, ...],
    methods: tuple[str, ...],
    files: tuple[Path, ...],
    declaration: Path | None,
    out: Path,
    protocols: tuple[str, ...],
    generators: tuple[str, ...],
    stress: Literal["none", "quick", "full"],
    uses: tuple[Use, ...],
    allow_overlap: bool,
    leave_out_overlap: bool,
    normalise_by: Path | None,
    cohort_split: str,
    nearest: int,
    device: str,
    dry_run: bool,
) -> dict[str, Any]:
    """Score methods on DATASET's test people under the protocols; write a report.

    Refuses people, and generators called unseen, that training, selection, thresholds or cohorts have touched.
    """
    needs_torch()
    from benchmark.interface import DEFAULT_PROTOCOLS
    from benchmark.interface import evaluate as evaluate_methods
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.dataset.rights import usable_for
    from nvfair_tools.pipeline.progress_lines import step_progress

    data = Dataset.open(dataset)
    for use in uses:
        data = usable_for(data, use)
    named: list[str | Path] = [*map(str, folders), *methods, *files]
    options: dict[str, Any] = {
        "protocols": protocols or DEFAULT_PROTOCOLS,
        "generators": split_names(generators),
        "stress": stress,
        "allow_overlap": allow_overlap,
        "leave_out_overlap": leave_out_overlap,
        "declaration": declaration,
        "normalise_by": normalise_by,
        "cohort_split": cohort_split,
        "nearest": nearest,
        "device": device,
    }
    with step_progress() as progress:
        if dry_run:
            return _would_evaluate(data, named, out, options | {"progress": progress})
        results = evaluate_methods(data, tuple(named), out=out, progress=progress, **options)
    for cell in results.cells:
        click.echo(f"{cell.title}: {results.headline(cell).value:.3f}")
    for warning in results.warnings:
        click.secho(warning, fg="yellow")
    click.echo(f"report: {out / 'index.html'}")
    if (out / "who-drives.html").is_file():
        click.echo(f"single videos, without tables: {out / 'who-drives.html'}")
    click.echo(
        f"next: open the report in a browser; nvfair reproduce pack {out} CELL.zip lets others recompute a figure"
    )
    cells = [{"title": cell.title, "value": results.headline(cell).value} for cell in results.cells]
    return {"report": out / "index.html", "results": out / "results.json", "cells": cells, "warnings": results.warnings}


def _would_evaluate(data: Any, methods: list[Any], out: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Says what an evaluation would score and write, after it has opened and checked everything."""
    from benchmark.evaluation.by_name.prepared import prepare_evaluation
    from benchmark.evaluation.overlap_checks import left_out_warning

    plan = prepare_evaluation(data, methods, **options).plan()
    sections = []
    for planned in plan.planned:
        title, cells = planned.section.title, [(cell.candidate.name, cell.generator) for cell in planned.cells]
        click.echo(
            f"{title}: would score {count_text(len(planned.videos), 'video')} of "
            f"{count_text(len(planned.people), 'person')}; {count_text(len(cells), 'cell')}: "
            f"{', '.join(f'{method} on {generator}' for method, generator in cells)}"
        )
        sections.append({"title": title, "videos": len(planned.videos), "people": planned.people, "cells": cells})
    for section in plan.unscored:
        click.echo(f"{section.title}: nothing to score: {section.reason}")
    for warning in left_out_warning(list(plan.left_out)):
        click.echo(warning)
    outputs = [
        Output(out, "the report: index.html, results.json, tables"),
        Output(out / "evidence", "the embeddings and trials from which each figure can be recomputed"),
    ]
    return would_write(outputs, report=out / "index.html", sections=sections)


def split_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names given one by one or with commas."""
    return tuple(dict.fromkeys(part for name in names for part in name.split(",") if part))


def needs_torch() -> None:
    """Says which extra to install where torch is missing."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        from nvfair_tools.errors import MissingExtra

        raise MissingExtra("torch", "train", str(error)) from error
