"""The preflight in front of a command: `@preflighted("MODULE:FUNCTION")` beneath `@click.command()`.

The function, in a module of `nvfair_tools.cli.needs`, says what the command needs; `nvfair_tools.doctor` looks.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import ContextVar
from typing import Any, TypeVar

import click

from nvfair_tools.cli.answers import failures_as_json

Command = TypeVar("Command", bound=Callable[..., Any])
# Set while a command runs that was begun with --no-preflight: the commands that it calls have none either.
_begun_regardless: ContextVar[bool] = ContextVar("nvfair_tools.cli.preflight", default=False)


def preflighted(needs: str) -> Callable[[Command], Command]:
    """Puts a preflight in front of a command's function, and gives the command the option --no-preflight.

    needs: module and function in `nvfair_tools.cli.needs`, such as "curator:export", imported when the command runs.
    The function takes the command's parameters by name, and returns its `Needs`. Warnings go to standard error. Raises
    PreflightError, before the command's work begins, with everything that stops it.
    """

    def decorate(function: Command) -> Command:
        option = click.Option(
            ["--no-preflight"],
            is_flag=True,
            help="Begin without a look at what this command needs of the machine.",
        )

        @functools.wraps(function)
        def checked(*arguments: Any, no_preflight: bool = False, **parameters: Any) -> Any:
            if no_preflight or _begun_regardless.get() or not _speaks():
                before = _begun_regardless.set(no_preflight or _begun_regardless.get())
                try:
                    return function(*arguments, **parameters)
                finally:
                    _begun_regardless.reset(before)
            from nvfair_tools.doctor.preflight import preflight

            with ExitStack() as stack:
                with failures_as_json(bool(parameters.get("as_json"))):
                    path, is_dry = click.get_current_context().command_path, bool(parameters.get("dry_run"))
                    stack.enter_context(preflight(path, needs_of(needs)(parameters), _warn, makes_folders=not is_dry))
                return function(*arguments, **parameters)

        # click reads these in reverse: the option stands last in the help.
        checked.needs = needs  # type: ignore[attr-defined]
        checked.__click_params__ = [option, *getattr(function, "__click_params__", [])]  # type: ignore[attr-defined]
        return checked  # type: ignore[return-value]

    return decorate


def needs_of(name: str) -> Callable[[dict[str, Any]], Any]:
    """The function that `preflighted` names."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(f"nvfair_tools.cli.needs.{module}"), function)


def _speaks() -> bool:
    """Whether this is the process that speaks, of several that share the work."""
    return os.environ.get("RANK", "0") == "0"


def _warn(text: str) -> None:
    click.secho(f"warning: {text}", fg="yellow", err=True)
