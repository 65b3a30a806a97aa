"""`nvfair matrix`: every generator trained on, every generator tested on, by one command."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.dry_run import Output, would_write
from nvfair_tools.cli.paths import DATASET, output
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text


@click.command(context_settings={"ignore_unknown_options": True})
@preflighted("author:matrix")
@click.argument("dataset", type=DATASET)
@output()
@click.argument("training", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS OF nvfair train]...")
@click.option("--dry-run", is_flag=True, help="Say what would be trained and tested.")
@reports
def matrix(dataset: Path, out: Path, training: tuple[str, ...], dry_run: bool) -> dict[str, Any]:
    """Train one checkpoint on each generator of DATASET, test each on all, write the report.

    Checkpoints go to OUT/GENERATOR, the report to OUT/report. Options of `nvfair train` follow, without --generators.
    Run again after an interruption, it goes on where it stopped.
    """
    from nvfair_tools.cli.benchmark.evaluate import evaluate
    from nvfair_tools.cli.benchmark.train import train
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.errors import NvfairError

    if any(word in ("-g", "--generators") or word.startswith("--generators=") for word in training):
        raise NvfairError("the matrix trains on every generator in turn", remedy="leave --generators out")
    data = Dataset.open(dataset)
    generators = sorted(data.videos["generator"].dropna().unique())
    if len(generators) < 2:
        here = f"{count_text(len(generators), 'generator')} here"
        raise NvfairError(here, where=dataset, expected="at least two, for seen and unseen")
    content = {"generators": generators, "report": out / "report" / "index.html"}
    if dry_run:
        count = len(generators)
        for generator in generators:
            train.main(
                [str(dataset), str(out / generator), "-g", generator, *training, "--dry-run"], standalone_mode=False
            )
        click.echo(f"{count} trainings, on {', '.join(generators)}, and {count} x {count} cells")
        folders = [Output(out / generator, f"the checkpoint of {generator}") for generator in generators]
        return would_write([*folders, Output(out / "report", "the report")], **content)
    begun = time.monotonic()
    for number, generator in enumerate(generators, 1):
        click.secho(f"[{number}/{len(generators) + 1}] training on {generator}", bold=True)
        train.main([str(dataset), str(out / generator), "-g", generator, *training], standalone_mode=False)
    click.secho(f"[{len(generators) + 1}/{len(generators) + 1}] testing each on all", bold=True)
    named = [word for generator in generators for word in ("--checkpoint", str(out / generator))]
    device = _pair(training, "--device")
    evaluate.main([str(dataset), *named, "--out", str(out / "report"), *device], standalone_mode=False)
    click.echo(f"{len(generators)} x {len(generators)} cells in {(time.monotonic() - begun) / 60:.1f} minutes")
    return content


def _pair(words: tuple[str, ...], option: str) -> list[str]:
    """An option with its value, as given, or nothing."""
    for n, word in enumerate(words):
        if word == option:
            return list(words[n : n + 2])
        if word.startswith(option + "="):
            return [word]
    return []
