"""Groups: a misspelt command is answered with the nearest, whole sentences are listed, help ends with an example."""

from __future__ import annotations

import re

import click

from nvfair_tools.cli.examples import examples_text
from nvfair_tools.cli.failures import near_names


class NearestGroup(click.Group):
    """A group that names the nearest command where the called one does not exist."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The called command. Raises UsageError with the nearest name where there is none."""
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}.{near_names(args[0], names)}")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, with examples and plain words for its values in its help."""
        command = super().get_command(ctx, cmd_name)
        return None if command is None else with_plain_help(command, f"{ctx.command_path} {cmd_name}")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands with the whole first sentence of each."""
        rows = []
        for name in self.list_commands(ctx):
            if (command := self.get_command(ctx, name)) is not None and not command.hidden:
                rows.append((name, first_sentence(command.help or "")))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def first_sentence(text: str) -> str:
    """The first sentence of a help or docstring, on one line."""
    paragraph = " ".join(text.strip().split("\n\n")[0].split())
    return re.split(r"(?<=[.?!])\s(?=[A-Z])", paragraph)[0]


def with_plain_help(command: click.Command, path: str) -> click.Command:
    """The command, whose help calls numbers and folders so, and ends with examples. path: its words with `nvfair`."""
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.metavar is None and parameter.nargs == 1:
            parameter.metavar = _word_for(parameter.type)
    if not isinstance(command, click.Group):
        command.epilog = examples_text(path.partition(" ")[2])
    return command


def _word_for(kind: click.ParamType) -> str | None:
    if isinstance(kind, (click.types.IntParamType, click.types.FloatParamType)):
        return "NUMBER"
    if isinstance(kind, click.Path) and not kind.file_okay:
        return "FOLDER"
    return None
