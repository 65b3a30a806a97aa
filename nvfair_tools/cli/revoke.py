"""`nvfair revoke`: a person withdraws. The command composes the holders of data that the packages implement."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import Answer, reports
from nvfair_tools.cli.paths import INPUT_FILE, INPUT_FOLDER, OUTPUT_FILE
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from nvfair_tools.governance.curator_key import CuratorKey
    from nvfair_tools.governance.revocation import Finding, Holder, Revocation
    from nvfair_tools.governance.search.folders import SearchReport

_LISTED = 20  # places of a search that are listed


@click.command()
@preflighted("curator:revoke")
@click.argument("words", metavar="[IDENTITY] FOLDER...", nargs=-1, required=True)
@click.option("--yes/--dry-run", default=False, help="Remove it. [default: only show what would be removed]")
@click.option("--prove", is_flag=True, help="Search every byte of the folders, and change nothing without --yes.")
@click.option(
    "--checkpoints",
    type=click.Choice(["retrain", "delete"]),
    default="retrain",
    show_default=True,
    help="Checkpoints that have seen the person are put out of use: until they are trained again, or for good.",
)
@click.option(
    "--also", multiple=True, type=INPUT_FOLDER, help="A folder that is searched too, and not changed; repeatable."
)
@click.option(
    "--key",
    type=OUTPUT_FILE,
    help="The curator's key, or that of a manifest. [default: ~/.config/nvfair/revocation.key]",
)
@click.option(
    "--recipient",
    "recipients",
    metavar="KEY MANIFEST",
    nargs=2,
    multiple=True,
    type=OUTPUT_FILE,
    help="With --yes: add the person to MANIFEST for somebody who has a copy, keyed with the file KEY; repeatable.",
)
@click.option(
    "--manifest", type=INPUT_FILE, help="Remove everybody whom this manifest recognises, in place of IDENTITY."
)
@reports
def revoke(
    words: tuple[str, ...],
    yes: bool,
    prove: bool,
    checkpoints: str,
    also: tuple[Path, ...],
    key: Path | None,
    recipients: tuple[tuple[Path, Path], ...],
    manifest: Path | None,
) -> Answer:
    """Remove a person (namespace:id) from FOLDERs: data sets, published videos, checkpoints, embeddings, reports,
    boards.

    Shows what there is of the person, as target or driver; with --yes it is removed, and the folders are searched
    for what may be left. What would stop the removal, such as a folder that cannot be written in, is named before
    anything is removed. A removal that was interrupted is completed by the next call with --yes, for whomever.
    """
    from nvfair_tools.governance.curator_key import (
        check_outside,
        create_key,
        default_key_path,
        key_without_writing,
        read_key,
    )
    from nvfair_tools.governance.revocation import Revocation, interrupted

    if not manifest and Path(words[0]).is_dir() and ":" in words[-1]:
        raise click.UsageError(f"the person comes first: nvfair revoke {shlex.join([words[-1], *words[:-1]])}")
    folders = [Path(word) for word in (words if manifest else words[1:])]
    _check_folders(folders)
    key_path = key or default_key_path()
    private = {key_path: "the key of revocations"} | ({manifest: "the manifest"} if manifest else {})
    private |= {path: "a recipient's key or manifest" for pair in recipients for path in pair}
    for path, what in private.items():
        check_outside(path, [*folders, *also], what)
    curator_key = (read_key if manifest else create_key if yes else key_without_writing)(key_path)
    unfinished = interrupted(curator_key, _make_holder, cleans=yes)
    for revocation in unfinished:
        if yes:
            click.echo("completing a removal that was interrupted")
            revocation.run(curator_key)
        else:
            places = ", ".join(str(holder.place) for holder in revocation.holders)
            click.echo(
                f"the removal of {revocation.trace.identity} was interrupted ({places}): --yes completes it first"
            )
    holders = holders_in(folders, checkpoints)
    identities = _recognised(manifest, curator_key, holders) if manifest else [words[0]]
    if not identities:
        click.echo("nobody of this manifest is named in the data sets here")
        identities = sorted({revocation.trace.identity for revocation in unfinished})
    date = datetime.now(UTC).date().isoformat()
    is_clean = yes or not unfinished
    people: dict[str, Any] = {}
    planned: list[tuple[Revocation, list[tuple[Holder, Finding]]]] = []
    for identity in identities:
        revocation = Revocation.prepare(identity, holders, date, {"checkpoints": checkpoints})
        findings = revocation.find()
        _print_findings(identity, findings)
        people[identity] = {"findings": [{"place": holder.place, **vars(finding)} for holder, finding in findings]}
        planned.append((revocation, findings))
    if yes or not prove:
        _refuse_obstacles([revocation for revocation, findings in planned if findings], curator_key)
    for revocation, findings in planned:
        identity = revocation.trace.identity
        if yes and findings:
            for recipient_key, path in recipients:
                _add_to_manifest(path, create_key(recipient_key), revocation)
            revocation.run(curator_key, findings)
        elif findings and not prove:
            click.echo("nothing was changed; add --yes to remove it")
            continue
        if yes or prove:
            report = _search(revocation, curator_key, (*folders, *also))
            _print_report(report)
            people[identity]["search"] = report
            is_clean &= report.is_clean
    return Answer({"people": people, "removed": yes, "dry_run": not yes, "clean": is_clean}, 0 if is_clean else 1)


def _check_folders(folders: list[Path]) -> None:
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing or not folders:
        raise click.UsageError(
            f"no such folder: {', '.join(missing)}" if missing else "name a folder after the identity"
        )


def _refuse_obstacles(revocations: list[Revocation], key: CuratorKey) -> None:
    """Raises Problems with everything that would stop a removal in its midst."""
    from nvfair_tools.errors import Problems

    obstacles = [text for revocation in revocations for text in revocation.obstacles(key)]
    if obstacles:
        raise Problems(
            "nothing was removed",
            list(dict.fromkeys(obstacles)),
            remedy="mend each of these, then run the same command again",
        )


def _recognised(manifest: Path, key: CuratorKey, holders: list[Holder]) -> list[str]:
    """The people in the data sets whom a manifest recognises."""
    from nvfair_tools.curate.revocation.holder import DatasetHolder
    from nvfair_tools.errors import NvfairError
    from nvfair_tools.governance.tombstones import read_manifest

    tombstones = read_manifest(manifest)
    if not tombstones.people:
        raise NvfairError("there is nobody in this manifest", where=manifest, expected="a file of --recipient")
    tombstones.check_key(key, where=manifest)
    people: dict[str, tuple[str, ...]] = {}
    for holder in holders:
        people |= holder.people() if isinstance(holder, DatasetHolder) else {}
    return sorted(name for name, aliases in people.items() if tombstones.number_of(key, name, aliases) is not None)


def _add_to_manifest(path: Path, key: CuratorKey, revocation: Revocation) -> None:
    """Adds the person to a manifest: digests under the recipient's key, of names and hashes, and the date."""
    from nvfair_tools.governance.tombstones import read_manifest

    trace, tombstones = revocation.trace, read_manifest(path)
    tombstones.check_key(key, where=path)
    tombstones.with_person(key, trace.identity, trace.aliases, trace.hashes, revocation.date).write(path)


def holders_in(folders: Iterable[Path], checkpoints: str = "retrain") -> list[Holder]:
    """The holders in some folders: data sets, published videos and boards, wherever they lie in them, and what else
    methods have made.

    checkpoints: "retrain" or "delete", what becomes of those that have seen the person. Data sets come first: they know
    the hashes by which the others find what they have.
    """
    datasets: list[Holder] = []
    published: list[Holder] = []
    boards: list[Holder] = []
    others: list[Holder] = []
    of_kind = {"dataset": datasets, "published": published, "board": boards}
    for folder in folders:
        inner = {place: kind for kind, place in _kinds_in(folder)}
        for place, kind in inner.items():
            of_kind[kind].append(_make_holder(kind, place, {}))
        if folder not in inner:
            others.append(_make_holder("benchmark", folder, {"checkpoints": checkpoints}))
    return [*datasets, *published, *others, *boards]


def _kinds_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """(kind, place) of the data sets, published videos and boards in a folder, or of the folder itself; not of those
    in others."""
    from nvfair_tools.curate.revocation.holder import is_dataset
    from nvfair_tools.curate.revocation.published import is_published

    waiting = [folder]
    while waiting:
        place = waiting.pop()
        is_of_kind = {
            "dataset": is_dataset(place),
            "published": is_published(place),
            "board": (place / "board.yaml").is_file(),
        }
        kind = next((kind for kind, is_one in is_of_kind.items() if is_one), "")
        if kind:
            yield kind, place
        else:
            inner = (path for path in place.iterdir() if path.is_dir() and not path.is_symlink())
            waiting += sorted(inner, reverse=True)


def _make_holder(kind: str, place: Path, options: dict[str, str]) -> Holder:
    """The holder of a kind, now or for a removal that goes on after an interruption."""
    from benchmark.evaluation.revocation.holder import BenchmarkHolder
    from nvfair_tools.curate.revocation.holder import DatasetHolder
    from nvfair_tools.curate.revocation.published import PublishedHolder

    if kind == "board":  # only boards need the packages of one
        from leaderboard.store.revocation_holder import BoardHolder

        return BoardHolder(place)
    if kind == "benchmark":
        skipped = tuple(inner for _, inner in _kinds_in(place))
        return BenchmarkHolder(place, "delete" if options.get("checkpoints") == "delete" else "retrain", skipped)
    return PublishedHolder(place) if kind == "published" else DatasetHolder(place)


def _print_findings(identity: str, findings: list[tuple[Holder, Finding]]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not findings:
        click.echo(f"nothing of {identity} is recorded in these folders")
        return
    console = Console(emoji=False, markup=False)
    for holder in dict.fromkeys(holder for holder, _ in findings):
        table = Table(title=f"{identity} in {holder.place}", title_justify="left")
        table.add_column("what")
        for name in ("count", "as target", "as driver"):
            table.add_column(name, justify="right")
        table.add_column("what becomes of it")
        for finding in (finding for owner, finding in findings if owner == holder):
            roles = ["" if count is None else f"{count:,}" for count in (finding.as_target, finding.as_driver)]
            table.add_row(finding.what, f"{finding.count:,}", *roles, finding.action)
        console.print(table)


def _search(revocation: Revocation, key: CuratorKey, folders: Iterable[Path]) -> SearchReport:
    from nvfair_tools.governance.search.folders import search_folders
    from nvfair_tools.governance.search.patterns import Patterns
    from nvfair_tools.governance.tombstones import read_tombstones
    from nvfair_tools.pipeline.progress_lines import task_progress

    identity = revocation.trace.identity
    tombstones = [read_tombstones(holder.place) for holder in revocation.holders]
    traces = frozenset().union(*(of_set.traces_of(key, identity) for of_set in tombstones))
    patterns = Patterns.of(revocation.trace, lambda digest: key.digest("trace", digest) in traces)
    with task_progress("bytes searched") as progress:
        report = search_folders(folders, patterns, progress)
    for holder in revocation.holders:
        if holder.kind == "board":  # whose database may lie in no folder
            holder.search_database(patterns, report)  # type: ignore[attr-defined]
    return report


def _print_report(report: SearchReport) -> None:
    for title, places in (("left", report.left), ("may be the person's name, or another word", report.possible)):
        for place in places[:_LISTED]:
            click.echo(
                f"{title}: {place.path}: {place.place}, at {place.hit.offset}: {place.hit.kind} {place.hit.form}"
            )
        if len(places) > _LISTED:
            click.echo(f"{title}: and {count_text(len(places) - _LISTED, 'more place')}")
    for path, reason in report.unreadable:
        click.echo(f"not searched wholly: {path}: {reason}")
    click.echo(
        f"searched: {count_text(report.files, 'file')}, {report.bytes:,} bytes, "
        f"{count_text(sum(report.decoded.values()), 'decoded piece')} in " + ", ".join(map(str, report.folders))
    )
    click.echo(
        f"left: {count_text(len(report.left), 'place')}; possible: {len(report.possible)}; "
        f"not searched wholly: {count_text(len(report.unreadable), 'file')}"
    )
    click.echo("this search does not cover:\n" + "\n".join(f"  - {text}" for text in report.not_covered))
