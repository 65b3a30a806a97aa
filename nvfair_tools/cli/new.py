"""`nvfair new`: the beginning of a method, a generator, an importer or a recipe, which works at once."""

from __future__ import annotations

import importlib
import keyword
import re
from pathlib import Path
from string import Template
from typing import Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.groups import NearestGroup
from nvfair_tools.cli.paths import INPUT_FOLDER, OUTPUT_FILE, OUTPUT_FOLDER

_DRY_RUN = click.option("--dry-run", is_flag=True, help="Say which files would be written.")
_OUT = click.option("--out", type=OUTPUT_FOLDER, help="The folder to write. [default: NAME]")


@click.group(cls=NearestGroup)
def new() -> None:
    """Begin a method, a generator, an importer or a recipe: a small one that works, to change into yours."""


def _skeleton_command(kind: str, help: str) -> click.Command:
    @new.command(kind, help=help)
    @click.argument("name")
    @_OUT
    @_DRY_RUN
    @reports
    def command(name: str, out: Path | None, dry_run: bool) -> dict[str, Any]:
        return write_skeleton(kind, name, out or Path(_module_name(name)), dry_run=dry_run)

    return command


method = _skeleton_command("method", "Write a method that embeds windows, with its test and what installs it, to NAME.")
generator = _skeleton_command("generator", "Write a talking-head generator and its test to the folder NAME.")
importer = _skeleton_command("importer", "Write an importer of a published release and its test to the folder NAME.")


@new.command()
@click.argument("name")
@click.option(
    "--from", "videos", type=INPUT_FOLDER, default=Path("."), help="The recordings. [default: the current folder]"
)
@click.option("--out", type=OUTPUT_FILE, help="The file to write. [default: NAME.yaml]")
@_DRY_RUN
@reports
def recipe(name: str, videos: Path, out: Path | None, dry_run: bool) -> dict[str, Any]:
    """Write the recipe NAME.yaml for a folder of recordings: one folder a person, or a list of clips in it.

    What the folder shows is written in: where the clips are, how many people there are, and splits that leave people
    in each. What nobody can see, licences and consent, is said to be unknown there.
    """
    from nvfair_tools.cli.new_recipe import recipe_text

    place = out or Path(f"{_module_name(name)}.yaml")
    text, facts = recipe_text(name, videos, place)
    _write({place: text}, dry_run)
    for fact in facts:
        click.echo(f"  {fact}")
    click.echo(f"next: read the lines marked CHECK in {place}, then: nvfair check {place}")
    return {"recipe": place, "facts": facts, "dry_run": dry_run}


def write_skeleton(kind: str, name: str, out: Path, *, dry_run: bool = False) -> dict[str, Any]:
    """Writes the skeleton of a kind to a folder, and says what to run next. Raises NvfairError where a file of it is
    there already, or the name cannot be one of Python's."""
    skeleton = importlib.import_module(f"nvfair_tools.cli.skeletons.{kind}")
    module = _module_name(name)
    values = {
        "name": module.replace("_", "-"),
        "module": module,
        "class_name": "".join(part.capitalize() for part in module.split("_")),
        "out": str(out),
    }
    files = {
        out / Template(path).substitute(values): Template(text).substitute(values)
        for path, text in skeleton.FILES.items()
    }
    _write(files, dry_run)
    for line in skeleton.NEXT:
        click.echo(f"next: {Template(line).substitute(values)}")
    return {"kind": kind, "files": list(files), "dry_run": dry_run}


def _write(files: dict[Path, str], dry_run: bool) -> None:
    from nvfair_tools.errors import NvfairError
    from nvfair_tools.files import make_folder, write_text

    existing = [str(path) for path in files if path.exists()]
    if existing:
        raise NvfairError("it is there already", where=", ".join(existing), remedy="choose another NAME or --out")
    for path, text in files.items():
        if not dry_run:
            make_folder(path.parent)
            write_text(path, text)
        click.echo(f"{path}{': would be written' if dry_run else ''}")


def _module_name(name: str) -> str:
    """The name of a Python module for a name. Raises UsageError where there is none."""
    module = re.sub(r"[\s-]+", "_", name.strip()).lower()
    if not re.fullmatch(r"[a-z][a-z0-9_]*", module) or keyword.iskeyword(module):
        raise click.UsageError(f"{name!r} cannot name a module: expected letters, digits and -, such as blink-rate")
    return module
