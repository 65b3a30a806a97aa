"""`nvfair quality`: how good the renderings of a data set are, in numbers and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.paths import DATASET, OUTPUT_FOLDER
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from nvfair_tools.dataset import Dataset


@click.command()
@preflighted("curator:quality")
@click.argument("dataset", type=DATASET)
@click.option(
    "--out",
    type=OUTPUT_FOLDER,
    help="Folder of the results. [default: DATASET/quality, or DATASET/quality/again]",
)
@click.option(
    "--recogniser",
    help="For likeness: an .onnx file, or an InsightFace pack on disk. Without it, the face's shape stands in.",
)
@click.option("--workers", type=click.IntRange(0), help="Processes; 0 measures in this one. [default: one a core]")
@click.option(
    "--show", default=4, show_default=True, type=click.IntRange(0), help="Videos a generator on the sheet; 0: none."
)
@click.option("--video", "ids", multiple=True, help="Preview this video (its id, or how it begins); repeatable.")
@dry_run_option
@reports
def quality(
    dataset: Path,
    out: Path | None,
    recogniser: str | None,
    workers: int | None,
    show: int,
    ids: tuple[str, ...],
    dry_run: bool,
) -> dict[str, Any]:
    """Measure the rendered videos of DATASET: face found, motion transferred, identity, flicker, sharpness.

    Writes quality.parquet (a row a video), contact_sheet.png and a preview of one video a generator: driver, portrait
    and video side by side. Run it again after an interruption: what was measured is kept. docs/quality.md explains the
    measures.
    """
    from collections import Counter

    from nvfair_tools.dataset import Dataset
    from nvfair_tools.dataset.rights import DatasetRights
    from nvfair_tools.faces.insight import pack_folder
    from nvfair_tools.pipeline.engines.local import default_workers
    from nvfair_tools.pipeline.progress_lines import task_progress
    from nvfair_tools.portable_names import portable_name
    from nvfair_tools.quality.measure_dataset import measure_dataset, measures_folder
    from nvfair_tools.quality.pictures import SHEET_NAME, write_preview, write_sheet
    from nvfair_tools.quality.shown_videos import choose_videos, named_video
    from nvfair_tools.quality.table import TABLE_NAME, summarise

    data = Dataset.open(dataset)
    network = None
    if recogniser is not None:
        network = Path(recogniser) if Path(recogniser).exists() else pack_folder(recogniser)
    if dry_run:
        return _would_measure(data, out, network, pictures=bool(show or ids))
    folder = out or measures_folder(data)
    with task_progress("videos") as report:
        table = measure_dataset(
            data,
            folder / TABLE_NAME,
            recogniser=network,
            workers=default_workers() if workers is None else workers,
            progress=report,
        )
    click.echo(summarise(table).to_string(index=False, na_rep="-", float_format=lambda value: f"{value:.3f}"))
    for problem, group in table[table["problem"].notna()].groupby("problem"):
        click.echo(f"{len(group)} not measured, such as {group.iloc[0]['video']}: {problem}")
    click.echo(f"{folder / TABLE_NAME}: {count_text(len(table), 'video')}")
    named = [named_video(data, table, video) for video in ids]
    if show:
        chosen, hidden = choose_videos(data, table, show)
        for reason, count in sorted(Counter(hidden).items()):
            click.echo(f"not shown, {count_text(count, 'video')}: {reason}")
        if chosen:
            if note := DatasetRights(data).note:
                click.secho(note, fg="yellow")
            write_sheet(folder / SHEET_NAME, chosen)
            click.echo(f"{folder / SHEET_NAME}: {count_text(len(chosen), 'video')}")
            if not named:
                of_generator = {video.generator: video for video in choose_videos(data, table, 1)[0]}
                named = list(of_generator.values())
    for video in named:
        label = portable_name(str(video.generator))
        name = f"preview-{label}-{portable_name(video.id[:8])}.mp4" if ids else f"preview-{label}.mp4"
        click.echo(f"{folder / name}: {count_text(write_preview(folder / name, video), 'frame')}")
    return {"table": folder / TABLE_NAME, "videos": len(table), "summary": summarise(table)}


def _would_measure(data: Dataset, out: Path | None, network: Path | None, *, pictures: bool) -> dict[str, Any]:
    from nvfair_tools.quality.measure_dataset import count_unmeasured, planned_folder
    from nvfair_tools.quality.table import TABLE_NAME

    folder = out or planned_folder(data)
    missing, total = count_unmeasured(data, folder / TABLE_NAME, recogniser=network)
    before = f"; {total - missing:,} were measured before" if missing < total else ""
    outputs = [
        Output(
            folder / TABLE_NAME,
            f"a row for each of {count_text(total, 'video')}, of which {missing:,} are measured{before}",
        )
    ]
    if pictures:
        outputs.append(Output(folder, "contact_sheet.png, and a preview of some videos"))
    return would_write(outputs, table=folder / TABLE_NAME, videos=total, to_measure=missing)
