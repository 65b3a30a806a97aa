"""`nvfair stress`: error rates at a fixed threshold while videos, drivers and impostors get worse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.benchmark.evaluate import needs_torch, split_names
from nvfair_tools.cli.benchmark.threads import threads_option
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.names import GENERATOR, METHOD, PROTOCOL
from nvfair_tools.cli.paths import CHECKPOINT, DATASET, OUTPUT_FOLDER
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text


@click.command()
@preflighted("author:stress")
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
@click.option(
    "--out", required=True, type=OUTPUT_FOLDER, help="Folder for the page, stress.json and what a rerun goes on from."
)
@click.option("--protocol", default="nvfair-unseen", show_default=True, type=PROTOCOL, help="Name, or a .json file.")
@click.option(
    "--generators",
    "-g",
    multiple=True,
    type=GENERATOR,
    help="Test generators; repeatable. [default: the first by name]",
)
@click.option(
    "--test", "tests", multiple=True, help='Only this test, such as "re-encoding"; repeatable. [default: all]'
)
@click.option("--quick", is_flag=True, help="Few cases on few faces: a first look, not a measurement.")
@click.option("--faces", type=click.IntRange(min=0), help="Faces whose videos are encoded again; 0: all. [default: 6]")
@click.option("--clips", type=click.IntRange(min=0), help="Clips of each other driver on these; 0: all. [default: 3]")
@click.option("--allow-overlap", is_flag=True, help="Run methods that have touched test people too.")
@click.option("--device", default="auto", show_default=True, help="Where to compute: cpu, cuda or auto.")
@threads_option
@dry_run_option
@reports
def stress(
    dataset: Path,
    folders: tuple[Path, ...],
    methods: tuple[str, ...],
    out: Path,
    protocol: str,
    generators: tuple[str, ...],
    tests: tuple[str, ...],
    quick: bool,
    faces: int | None,
    clips: int | None,
    allow_overlap: bool,
    device: str,
    dry_run: bool,
) -> dict[str, Any]:
    """Error rates of methods on DATASET's test people, at a fixed threshold, under stress.

    Tests: re-encoding, disguise, imitation, mixed drivers, driven by sound, speech content, groups of people. The
    threshold accepts at most the protocol's first FMR of validation people's impostors, or where there are none, of
    the unstressed ones. Run again after an interruption, it goes on.
    """
    needs_torch()
    from benchmark.interface import stress_test
    from benchmark.report.stress_tables import stress_tables
    from nvfair_tools.errors import NvfairError
    from nvfair_tools.pipeline.progress_lines import step_progress

    if not folders and not methods:
        raise NvfairError("no method is named", remedy="pass --checkpoint FOLDER or --method NAME, repeatable")
    named: list[str | Path] = [*map(str, folders), *methods]
    chosen = split_names(generators)
    options: dict[str, Any] = {
        "protocol": protocol,
        "tests": split_names(tests),
        "quick": quick,
        "faces": faces,
        "clips": clips,
        "device": device,
    }
    if dry_run:
        return _would_stress(dataset, named, out, chosen, allow_overlap, options)
    with step_progress() as progress:
        rows = stress_test(
            dataset, named, out=out, generators=chosen, allow_overlap=allow_overlap, progress=progress, **options
        )
    for tables in stress_tables(rows):
        click.secho(f"\n{tables.method} on {tables.generator}; threshold: {tables.rule or 'none'}", bold=True)
        for test in tables.tests:
            click.echo(f"  {test.name}: {'not run, ' + test.skipped if test.skipped else test.sentence}")
    skipped = sum(bool(row.skipped) for row in rows)
    click.echo(
        f"\n{count_text(len(rows) - skipped, 'rate')}, {count_text(skipped, 'test')} not run. page: "
        f"{out / 'stress.html'}"
    )
    return {"page": out / "stress.html", "rates": rows}


def _would_stress(
    dataset: Path,
    methods: list[Any],
    out: Path,
    generators: tuple[str, ...],
    allow_overlap: bool,
    options: dict[str, Any],
) -> dict[str, Any]:
    """Says what would be tested and written, after everything is opened and checked."""
    from benchmark.evaluation.by_name.prepared import prepare_stress
    from benchmark.evaluation.run import check_stress_tests
    from benchmark.stress.rate_tests import videos_under_test

    prepared = prepare_stress(dataset, methods, **options)
    people = check_stress_tests(prepared.dataset, prepared.candidates, prepared.protocol, allow_overlap=allow_overlap)
    videos, cells = videos_under_test(prepared.dataset, prepared.protocol, generators)
    names = [candidate.name for candidate in prepared.candidates]
    click.echo(
        f"{', '.join(names)}: {count_text(len(prepared.plan.tests), 'test')} on {', '.join(cells)}, with "
        f"{count_text(len(videos), 'video')} of {count_text(len(people), 'person')}: {', '.join(prepared.plan.tests)}"
    )
    what = "stress.html, stress.md, stress.json; and the videos that are encoded again, for a rerun"
    return would_write([Output(out, what)], page=out / "stress.html", methods=names, tests=prepared.plan.tests)
