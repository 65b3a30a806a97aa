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
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.groups import NearestGroup
from nvfair_tools.cli.paths import INPUT_FOLDER, OUTPUT_FILE, OUTPUT_FOLDER

_OUT = click.option("--out", type=OUTPUT_FOLDER, help="The folder to write. [default: NAME]")


@click.group(cls=NearestGroup)
def new() -> None:
    """Begin a method, a generator, an importer or a recipe: a small one that works, to change into yours."""


def _skeleton_command(kind: str, help: str) -> click.Command:
    @new.command(kind, help=help)
    @click.argument("name")
    @_OUT
    @dry_run_option
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
@dry_run_option
@reports
def recipe(name: str, videos: Path, out: Path | None, dry_run: bool) -> dict[str, Any]:
    """Write the recipe NAME.yaml for a folder of recordings: one folder a person, or a list of clips in it.

    What the folder shows is written in: where the clips are, how many people there are, and splits that leave people
    in each. What nobody can see, licences and consent, is said to be unknown there.
    """
    from nvfair_tools.cli.new_recipe import recipe_text
    from nvfair_tools.portable_names import portable_name

    place = out or Path(f"{portable_name(name.strip())}.yaml")
    text, facts = recipe_text(name, videos, place)
    _check_absent([place])
    for fact in facts:
        click.echo(f"  {fact}")
    if dry_run:
        return would_write([Output(place, "the recipe", len(text.encode()))], recipe=place, facts=facts)
    _write({place: text})
    click.echo(f"next: read the lines marked CHECK in {place}, then: nvfair check {place}")
    return {"recipe": place, "facts": facts}


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
    _check_absent(list(files))
    if dry_run:
        outputs = [Output(path, f"a file of the {kind}'s skeleton", len(text.encode())) for path, text in files.items()]
        return would_write(outputs, kind=kind, files=list(files))
    _write(files)
    for line in skeleton.NEXT:
        click.echo(f"next: {Template(line).substitute(values)}")
    return {"kind": kind, "files": list(files)}


def _check_absent(paths: list[Path]) -> None:
    from nvfair_tools.errors import NvfairError

    if existing := [str(path) for path in paths if path.exists()]:
        raise NvfairError("it is there already", where=", ".join(existing), remedy="choose another NAME or --out")


def _write(files: dict[Path, str]) -> None:
    from nvfair_tools.files import make_folder, write_text

    for path, text in files.items():
        make_folder(path.parent)
        write_text(path, text)
        click.echo(str(path))


def _module_name(name: str) -> str:
    """The name of a Python module for a name. Raises UsageError where there is none."""
    module = re.sub(r"[\s-]+", "_", name.strip()).lower()
    if not re.fullmatch(r"[a-z][a-z0-9_]*", module) or keyword.iskeyword(module):
        raise click.UsageError(f"{name!r} cannot name a module: expected letters, digits and -, such as blink-rate")
    return module
