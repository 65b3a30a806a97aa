"""`nvfair dataset`: work on a finished data set."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

from nvfair_tools.cli.answers import Answer, reports
from nvfair_tools.cli.dataset.audit import audit
from nvfair_tools.cli.dataset.card import dataset_card
from nvfair_tools.cli.dataset.check import check
from nvfair_tools.cli.dataset.export import export
from nvfair_tools.cli.dataset.info import info
from nvfair_tools.cli.dataset.merge import append, merge
from nvfair_tools.cli.dataset.metadata import metadata
from nvfair_tools.cli.dataset.push import push
from nvfair_tools.cli.dataset.repair import repair
from nvfair_tools.cli.dataset.upgrade import upgrade
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.groups import NearestGroup
from nvfair_tools.cli.names import PROTOCOL
from nvfair_tools.cli.paths import DATASET, OUTPUT_FILE, output
from nvfair_tools.governance.uses import USES, Use
from nvfair_tools.quantities import count_text


@click.group(cls=NearestGroup)
def dataset() -> None:
    """Work on a finished data set: whether it is whole and how to mend it, what it is and may be used for, what leaks;
    join sets, export or send one; the copy that authors get of a hidden one."""


dataset.add_command(audit)
dataset.add_command(dataset_card)
dataset.add_command(check)
dataset.add_command(append)
dataset.add_command(export)
dataset.add_command(info)
dataset.add_command(merge)
dataset.add_command(metadata)
dataset.add_command(push)
dataset.add_command(repair)
dataset.add_command(upgrade)


@dataset.command()
@click.argument("data", metavar="DATASET", type=DATASET)
@click.option("--use", "uses", multiple=True, type=click.Choice(USES), help="A use; repeatable. [default: all]")
@reports
def rights(data: Path, uses: tuple[Use, ...]) -> Answer:
    """Say for each use how many videos of DATASET are permitted today, and why the others are not.

    Exit status 1 where a use that was named is refused for any video: run it before you pass anything on.
    """
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.dataset.rights import DatasetRights
    from nvfair_tools.governance.decision import count_reasons

    source = Dataset.open(data)
    judge, videos, refused = DatasetRights(source), source.usable(), 0
    origin = "consent.parquet" if judge.has_consents else "the list of clips, no consent table"
    click.echo(f"{data}: {count_text(len(videos), 'usable video')}, for {judge.purpose} on {judge.day}, by {origin}")
    content: dict[str, Any] = {}
    for use in uses or USES:
        decisions = judge.decisions(videos, use)
        reasons = [decision.reason for decision in decisions if not decision.permitted]
        texts = filter(None, (f"{len(videos) - len(reasons):,} permitted", count_reasons(reasons)))
        click.echo(f"{use:>16}  {', '.join(texts)}")
        content[use] = {"permitted": len(videos) - len(reasons), "refused": Counter(reasons)}
        refused += len(reasons) if uses else 0
    return Answer({"dataset": data, "videos": len(videos), "uses": content}, 1 if refused else 0)


@dataset.command()
@click.argument("data", metavar="DATASET", type=DATASET)
@output()
@click.option(
    "--key",
    type=OUTPUT_FILE,
    help="The board's file of which video is which. [default: blind-key.json in DATASET, where a board looks for it]",
)
@click.option(
    "--protocol",
    "names",
    multiple=True,
    default=("nvfair-seen", "nvfair-unseen"),
    show_default=True,
    type=PROTOCOL,
    help="Protocols of its use; repeatable.",
)
@dry_run_option
@reports
def blind(data: Path, out: Path, key: Path | None, names: tuple[str, ...], dry_run: bool) -> dict[str, Any]:
    """Write the blind copy of DATASET's test videos to OUT: random names, no labels, videos encoded anew.

    DATASET itself and the key stay with the board; whoever has either knows the labels.
    """
    from benchmark import protocols
    from leaderboard.hidden.blind_copy import plan_blind_copy
    from leaderboard.hidden.blind_copy import write_blind_copy as write
    from leaderboard.hidden.blind_key import KEY_FILE
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.pipeline.progress_lines import task_progress

    source, place = Dataset.open(data), key or data / KEY_FILE
    rules = [protocols.load(name) for name in names]
    if dry_run:
        frames = plan_blind_copy(source, out, place, rules)
        what = f"{count_text(len(frames), 'video')} of {count_text(sum(frames.values()), 'frame')}, and their tracks"
        new = [] if place.exists() else [Output(place, "the board's file of which video is which")]
        return would_write([Output(out, what), *new], folder=out, key=place, videos=len(frames))
    with task_progress("videos") as report:
        made = write(source, out, place, rules, progress=report)
    click.echo(f"{out}: {count_text(len(made.names), 'video')} for authors; keep {place} and {data} to yourself")
    return {"folder": out, "key": place, "videos": len(made.names)}
