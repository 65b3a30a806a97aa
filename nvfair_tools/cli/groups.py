"""Groups of commands that answer a misspelt command with the nearest one."""

from __future__ import annotations

import click

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
