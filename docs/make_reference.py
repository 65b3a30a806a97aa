"""Writes docs/commands.md and docs/api.md: every command and every public name, with a sentence each.

The sentences are those of `nvfair --help` and of the docstrings. The site shows options, signatures and whole
docstrings in place of each line (docs/site_pages.py).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click

from nvfair_tools.cli import cli, commands_under_headings
from nvfair_tools.cli.groups import first_sentence

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent

COMMANDS_HEAD = """\
# Commands

`nvfair COMMAND --help` says the same in a terminal. The site of this documentation shows every argument and option of
each command here.

An error is one message and ends with status 1, or 2 where the command line itself is wrong. Ctrl-C ends with 130, a
scheduler's SIGTERM with 143. Long commands go on where they stopped when they are run again.
"""
PACKAGES = {
    "nvfair_tools": "Data sets: open, check, build, consent.",
    "benchmark": "Windows, training, evaluation, verification.",
    "leaderboard": "Submissions and boards.",
    "generators": "Talking-head generators. They know no other package of this project.",
}
NAMES_HEAD = """\
# Python names

The public names of each package. What is not listed here may change without notice. [From Python](python.md) shows
them in use; the site of this documentation has signatures, arguments, units and errors of each name here.
"""


def subcommands(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    """(name, sentence) of all commands below a group."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            below = command.get_command(context, word)
            assert below is not None
            if not isinstance(below, click.Group):
                yield f"{name} {word}", first_sentence(below.help or "")
            yield from subcommands(below, f"{name} {word}")


def commands_page() -> str:
    """Writes the text of docs/commands.md."""
    lines = [COMMANDS_HEAD]
    for heading, entries in commands_under_headings().items():
        lines.append(f"## {heading}\n")
        for name, entry in entries.items():
            lines.append(f"* `nvfair {name}`: {entry.text}")
            command = cli.get_command(click.Context(cli), name)
            assert command is not None
            lines += [f"  * `nvfair {below}`: {text}" for below, text in subcommands(command, name)]
        lines.append("")
    return "\n".join(lines)


def imported_names(file: Path) -> dict[str, Path]:
    """The names that a module imports from our packages, each with the file that it imports it from."""
    names = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        folder = ROOT if node.level == 0 else file.parents[node.level - 1]
        path = folder.joinpath(*node.module.split("."))
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if source.is_file():
            names |= {alias.asname or alias.name: source for alias in node.names}
    return names


def public_names(package: str) -> dict[str, Path]:
    """The public names of a package in the order of its face, each with the file that defines it; imports nothing."""
    stub = ROOT / package / "__init__.pyi"
    return imported_names(stub if stub.exists() else stub.with_suffix(".py"))


def docstring(name: str, file: Path) -> str:
    """The docstring of a function or class of a file; of a value, the comment above it or at its line's end."""
    text = file.read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            return ast.get_docstring(node) or ""
    source = imported_names(file).get(name)  # a module may pass the name on
    if source is not None:
        return docstring(name, source)
    comment = re.search(rf"^#:? (.*)\n{name}\b|^{name}\b.*?  #:? (.*)$", text, re.MULTILINE)
    return (comment[1] or comment[2]) if comment else ""


def names_page() -> str:
    """Writes the text of docs/api.md."""
    lines = [NAMES_HEAD]
    for package, text in PACKAGES.items():
        lines += [f"## {package}\n", f"{text}\n"]
        for name, file in public_names(package).items():
            lines.append(f"* `{package}.{name}`: {first_sentence(docstring(name, file))}")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    for name, text in {"commands.md": commands_page(), "api.md": names_page()}.items():
        (DOCS / name).write_text(text, encoding="utf-8")
