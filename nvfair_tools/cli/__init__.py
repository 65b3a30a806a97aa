"""The `nvfair` command. Each command is imported only when it is called, so that `nvfair --help` is quick."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click
from click.shell_completion import CompletionItem

from nvfair_tools import __version__
from nvfair_tools.cli.failures import exit_status, interrupt_by_signals, wants_colour
from nvfair_tools.cli.groups import NearestGroup, with_plain_help
from nvfair_tools.cli.own_packages import OWN_PACKAGES, prefer_own_packages
from nvfair_tools.errors import MissingExtra

prefer_own_packages()


@dataclass(frozen=True)
class Entry:
    """A command: where it is (module:attribute), its one-line help, the extra that has all it needs."""

    place: str
    text: str
    extra: str


# The help stands here, so that listing it imports nothing.
COMMANDS = {
    "demo": Entry("nvfair_tools.cli.demo:demo", "From simulated people to a scored report, end to end.", "all"),
    "doctor": Entry(
        "nvfair_tools.cli.doctor:doctor", "Say what of this installation works, and how to mend the rest.", ""
    ),
    "build": Entry(
        "nvfair_tools.cli.curate.build:build", "Run a recipe: ingest, plan, render, landmarks, shards.", "curate"
    ),
    "check": Entry(
        "nvfair_tools.cli.curate.build:check", "Check a recipe and what it needs before hours are spent.", "curate"
    ),
    "ingest": Entry(
        "nvfair_tools.cli.curate.build:ingest", "Read, check and track the source videos of a recipe.", "curate"
    ),
    "plan": Entry(
        "nvfair_tools.cli.curate.plan:plan", "List, explain and compare the reenactments a recipe asks for.", "curate"
    ),
    "render": Entry("nvfair_tools.cli.curate.build:render", "Render the planned reenactments.", "curate"),
    "landmarks": Entry("nvfair_tools.cli.curate.build:landmarks", "Track the face in every reenactment.", "curate"),
    "shards": Entry(
        "nvfair_tools.cli.curate.build:shards", "Write the Parquet shards, tables, card and dataset.json.", "curate"
    ),
    "status": Entry(
        "nvfair_tools.cli.curate.build:status", "Count a build's items by stage, state and reason.", "curate"
    ),
    "card": Entry(
        "nvfair_tools.cli.dataset.card:card", "Check a card; `nvfair dataset card` also writes it anew.", "curate"
    ),
    "quality": Entry(
        "nvfair_tools.cli.dataset.quality:quality",
        "Measure and show how good the renderings of a data set are.",
        "curate",
    ),
    "view": Entry("nvfair_tools.cli.dataset.view:view", "Look through a data set's videos on a local page.", "view"),
    "mark": Entry(
        "nvfair_tools.cli.dataset.mark:mark", "Sign videos for publication (C2PA), or check their marks.", "marks"
    ),
    "get": Entry(
        "nvfair_tools.cli.curate.get:get", "Download a public collection: ravdess, crema-d or avaprintdb.", "download"
    ),
    "import": Entry(
        "nvfair_tools.cli.curate.import_release:import_release",
        "Read a published release: nvfair or avaprintdb.",
        "curate",
    ),
    "dataset": Entry(
        "nvfair_tools.cli.dataset.group:dataset", "Check, mend, describe, join, export or send a data set.", "curate"
    ),
    "revoke": Entry(
        "nvfair_tools.cli.revoke:revoke", "Remove a person who has withdrawn, and prove that nothing is left.", "curate"
    ),
    "probe": Entry("nvfair_tools.cli.curate.probe:probe", "Show what a video file really holds.", "media"),
    "cut": Entry(
        "nvfair_tools.cli.curate.cut:cut", "List the segments of one person in long or edited footage.", "curate"
    ),
    "simulate": Entry(
        "nvfair_tools.cli.curate.simulate:simulate", "Make simulated people: videos or landmark-only cohorts.", "curate"
    ),
    "weights": Entry(
        "nvfair_tools.cli.curate.weights:weights", "Add, list and remove generator checkpoints.", "render"
    ),
    "train": Entry("nvfair_tools.cli.benchmark.train:train", "Train a fingerprinting method.", "train"),
    "embed": Entry("nvfair_tools.cli.benchmark.evaluate:embed", "Embed a dataset's videos with a checkpoint.", "train"),
    "import-checkpoint": Entry(
        "nvfair_tools.cli.benchmark.import_checkpoint:import_checkpoint",
        "Read a published network as a checkpoint.",
        "train",
    ),
    "evaluate": Entry(
        "nvfair_tools.cli.benchmark.evaluate:evaluate", "Score checkpoints under a protocol; write a report.", "train"
    ),
    "stress": Entry(
        "nvfair_tools.cli.benchmark.stress:stress",
        "Error rates under re-encoding, disguise, imitation and more.",
        "train",
    ),
    "avaprintdb": Entry(
        "nvfair_tools.cli.benchmark.avaprintdb:avaprintdb",
        "AVAPrintDB's recipe and lists, from its landmarks.",
        "train",
    ),
    "compare": Entry("nvfair_tools.cli.benchmark.compare:compare", "Two methods on the same trials, paired.", "train"),
    "matrix": Entry(
        "nvfair_tools.cli.benchmark.matrix:matrix", "Train on each generator, test on all, report.", "train"
    ),
    "reproduce": Entry(
        "nvfair_tools.cli.benchmark.reproduce:reproduce", "Recompute one figure of a report exactly.", "train"
    ),
    "protocols": Entry(
        "nvfair_tools.cli.benchmark.protocols:protocols", "List, show and count the benchmark's protocols.", "curate"
    ),
    "enrol": Entry(
        "nvfair_tools.cli.verification.enrol:enrol", "Enrol a person who agrees, from videos of the person.", "verify"
    ),
    "enrolment": Entry("nvfair_tools.cli.verification.enrol:enrolment", "Show or revoke an enrolment.", "verify"),
    "verify": Entry(
        "nvfair_tools.cli.verification.verify:verify", "Does this enrolled person drive this video?", "verify"
    ),
    "identify": Entry(
        "nvfair_tools.cli.verification.identify:identify",
        "Compare a video with several people, who all agree.",
        "verify",
    ),
    "verify-page": Entry(
        "nvfair_tools.cli.verification.page:verify_page", "The same on a page in this machine's browser.", "verify"
    ),
    "calibrate": Entry(
        "nvfair_tools.cli.verification.calibrate:calibrate", "Find what the scores of `verify` mean.", "verify"
    ),
    "submit": Entry(
        "nvfair_tools.cli.board.groups:submit", "Begin, check, pack and push a leaderboard submission.", "board"
    ),
    "board": Entry(
        "nvfair_tools.cli.board.groups:board", "Keep a leaderboard: serve it, add submissions, export pages.", "board"
    ),
    "new": Entry("nvfair_tools.cli.new:new", "Begin a method, generator, importer or recipe that works at once.", ""),
    "completion": Entry(
        "nvfair_tools.cli.completion:completion", "Print the script that completes nvfair in a shell.", ""
    ),
}

# The rooms of the commands, with what each is for, in the order in which help lists them.
HEADINGS = {
    "": "Begin, and what concerns everything",
    "curate": "Build a data set",
    "dataset": "Keep and publish a data set",
    "benchmark": "Train and score methods",
    "verification": "Verify a video",
    "board": "Submit to a leaderboard, and run one",
}
_FIRST_STEP = (
    "New here? `nvfair demo --small` goes from people to a report in minutes; `nvfair doctor` looks at this machine."
)
_END = (
    "`nvfair COMMAND --help` has a command's arguments, options and an example. Exit status: 0 done; 1 an error that "
    "the message explains, or a check that has found something wrong; 2 wrong usage; 130 and 143 interrupted: the same "
    "command goes on. docs/command_line.md says what holds for all commands."
)


def commands_under_headings() -> dict[str, dict[str, Entry]]:
    """All commands with their entries, by heading: {heading: {name: entry}}."""
    rooms: dict[str, dict[str, Entry]] = {room: {} for room in HEADINGS}
    for name, entry in COMMANDS.items():
        parts = entry.place.partition(":")[0].split(".")[2:]
        rooms[parts[0] if len(parts) > 1 else ""][name] = entry
    return {HEADINGS[room]: entries for room, entries in rooms.items()}


class LazyGroup(NearestGroup):
    """A group whose commands are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        ctx.meta[_CALLED] = cmd_name
        module, attribute = COMMANDS[cmd_name].place.split(":")
        return with_plain_help(getattr(importlib.import_module(module), attribute), f"nvfair {cmd_name}")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for heading, entries in commands_under_headings().items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), entry.text) for name, entry in entries.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for text in (_FIRST_STEP, _END):
            formatter.write_paragraph()
            formatter.write_text(text)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands that begin as typed, without importing any of them."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        names = (name for name in COMMANDS if name.startswith(incomplete))
        return [CompletionItem(name, help=COMMANDS[name].text) for name in names]

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ImportError as error:
            package = (error.name or "").split(".")[0]
            if not package or package in _OURS or package in sys.stdlib_module_names:
                raise
            from nvfair_tools.doctor.packages import extra_with

            extra = COMMANDS[ctx.meta[_CALLED]].extra or extra_with(package)
            raise MissingExtra(package, extra, str(error)) from error
        except MissingExtra as error:
            from nvfair_tools.doctor.packages import brings

            # The command's own extra brings what it will miss next, too.
            own = COMMANDS[ctx.meta[_CALLED]].extra
            if own in ("", error.extra) or not brings(own, error.package):
                raise
            raise MissingExtra(error.package, own, error.why) from error


# Key under which a context remembers which command was called.
_CALLED = "nvfair_tools.cli.called"
_OURS = ("nvfair_tools", *OWN_PACKAGES)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nvfair")
@click.pass_context
def cli(context: click.Context) -> None:
    """Datasets and benchmarks for avatar fingerprinting: who is driving a synthetic talking head?"""
    context.color = wants_colour()


def run(words: Sequence[str] | None = None) -> int:
    """Runs the command with some words, by default those of the command line; returns its exit status.

    Users' mistakes end as one message on the standard error, never as a traceback. docs/command_line.md lists the
    statuses.
    """
    # Not standalone: click would turn Ctrl-C into a bare "Aborted!".
    return exit_status(
        lambda: cli.main(None if words is None else list(words), prog_name="nvfair", standalone_mode=False)
    )


def main() -> None:
    """Entry point. Ctrl-C ends with status 130, SIGTERM (of a scheduler, of a shutdown) with 143, both gracefully."""
    interrupt_by_signals()
    # Threads of a computation sleep while they wait for each other: on a busy machine they took each other's cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(run())
