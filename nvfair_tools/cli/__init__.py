"""The `nvfair` command. Each command is imported only when it is called, so that `nvfair --help` is quick."""

from __future__ import annotations

import importlib
import sys

import click

# name -> (module:command, one-line help); the help stands here so that listing it imports nothing.
COMMANDS = {
    "demo": ("nvfair_tools.cli.demo:demo", "From simulated people to a scored report, end to end."),
    "build": ("nvfair_tools.cli.curate:build", "Run a recipe: ingest, plan, render, landmarks, shards."),
    "check": ("nvfair_tools.cli.curate:check", "Check a recipe and what it needs before hours are spent."),
    "ingest": ("nvfair_tools.cli.curate:ingest", "Read, check and track the source videos of a recipe."),
    "plan": ("nvfair_tools.cli.curate:plan", "List the reenactments a recipe asks for."),
    "render": ("nvfair_tools.cli.curate:render", "Render the planned reenactments."),
    "landmarks": ("nvfair_tools.cli.curate:landmarks", "Track the face in every reenactment."),
    "shards": ("nvfair_tools.cli.curate:shards", "Write the Parquet shards, tables, card and dataset.json."),
    "status": ("nvfair_tools.cli.curate:status", "Count a build's items by stage, state and reason."),
    "import": ("nvfair_tools.cli.releases:import_release", "Read a published release: nvfair or avaprintdb."),
    "probe": ("nvfair_tools.cli.media:probe", "Show what a video file really holds."),
    "simulate": ("nvfair_tools.cli.simulate:simulate", "Make simulated people: videos or landmark-only cohorts."),
    "weights": ("nvfair_tools.cli.weights:weights", "Add, list and remove generator checkpoints."),
    "train": ("nvfair_tools.cli.benchmark:train", "Train a fingerprinting method."),
    "embed": ("nvfair_tools.cli.benchmark:embed", "Embed a dataset's videos with a checkpoint."),
    "evaluate": ("nvfair_tools.cli.benchmark:evaluate", "Score checkpoints under a protocol; write a report."),
    "submit": ("nvfair_tools.cli.board:submit", "Check and pack a leaderboard submission."),
    "board": ("nvfair_tools.cli.board:board", "Keep a leaderboard: add submissions, export its pages."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        return getattr(importlib.import_module(module), attribute)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nvfair-tools")
def cli() -> None:
    """Datasets and benchmarks for avatar fingerprinting: who is driving a synthetic talking head?"""


def main() -> None:
    """Entry point: users' mistakes end as one message and exit status 1, never as a traceback."""
    try:
        cli(standalone_mode=True)
    except Exception as error:
        if not _is_users_error(error):
            raise
        click.secho(f"error: {error}", fg="red", err=True)
        sys.exit(1)


def _is_users_error(error: Exception) -> bool:
    """Whether the message alone tells the user what to do (the generators package has its own error type)."""
    from nvfair_tools.errors import NvfairError

    generator_errors = sys.modules.get("generators.errors")
    return isinstance(error, NvfairError) or (
        generator_errors is not None and isinstance(error, generator_errors.GeneratorError)
    )
