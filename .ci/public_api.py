"""The public Python surface as text: every name, signature, default and annotation that users may rely on.

    python .ci/public_api.py                 say what differs from docs/public_api.txt (exit status 1)
    python .ci/public_api.py --accept        write docs/public_api.txt anew          or: make api

A change is accepted only where the unreleased section of CHANGELOG.md names what has changed, in backquotes, such as
`benchmark.evaluate`. Changes count from the last release, whose surface docs/public_api_released.txt keeps.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import functools
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SURFACE = ROOT / "docs" / "public_api.txt"
RELEASED = ROOT / "docs" / "public_api_released.txt"
CHANGELOG = ROOT / "CHANGELOG.md"
PACKAGES = ("nvfair_tools", "nvfair_tools.simulate", "generators", "benchmark", "leaderboard")
# What is written between two names of a class, beside its public methods.
SPECIAL = ("__call__", "__contains__", "__enter__", "__getitem__", "__iter__", "__len__")
PYDANTICS = ("model_computed_fields", "model_config", "model_fields")  # which not all of its releases keep in the class
HEADER = "# The public Python surface. Written by `make api`; do not edit. The changelog names every change.\n"


def main(words: list[str]) -> int:
    """Compares the surface with the file, or accepts it; 1 where it differs or the changelog does not name a change."""
    parser = argparse.ArgumentParser(description="The public Python surface, compared with docs/public_api.txt.")
    parser.add_argument("--accept", action="store_true", help="write docs/public_api.txt anew")
    accept = parser.parse_args(words).accept
    sys.path.insert(0, str(ROOT))
    surface = surface_text()
    if unnamed := unnamed_changes(RELEASED.read_text("utf-8"), surface, CHANGELOG.read_text("utf-8")):
        print(
            f"The unreleased section of CHANGELOG.md names no change of {', '.join(f'`{name}`' for name in unnamed)}."
        )
        print("Add a line that says what has changed for users, with the name in backquotes.")
        return 1
    stored = SURFACE.read_text("utf-8") if SURFACE.exists() else ""
    if accept:
        SURFACE.write_text(surface, "utf-8")
    elif stored != surface:
        print(difference(stored, surface))
        print("The public surface has changed. If that is meant: a line in CHANGELOG.md, then `make api`.")
        return 1
    return 0


def difference(before: str, after: str) -> str:
    """What differs between two surfaces, line by line."""
    names = (SURFACE.relative_to(ROOT).as_posix(), "the code")
    return "\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm=""))


def unnamed_changes(released: str, surface: str, changelog: str) -> list[str]:
    """The public names that differ from the released ones and that the unreleased section does not name."""
    before, after = entries(released), entries(surface)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    named = set(re.findall(r"`([\w.]+)[^`]*`", unreleased(changelog)))
    return sorted(changed - named)


def unreleased(changelog: str) -> str:
    """The text below the changelog's heading `## [Unreleased]`, up to the next version."""
    return re.split(r"^## ", changelog.partition("## [Unreleased]")[2], maxsplit=1, flags=re.MULTILINE)[0]


def entries(surface: str) -> dict[str, str]:
    """The lines of each public name, by the name."""
    blocks = re.split(r"\n(?=\S)", surface.strip())
    return {re.split(r"[^\w.]", block, maxsplit=1)[0]: block for block in blocks if block and not block.startswith("#")}


def surface_text() -> str:
    """The surface of all packages, a name a block, in the order of the alphabet."""
    lines = [HEADER]
    for package_name in PACKAGES:
        package = importlib.import_module(package_name)
        for name in sorted(package.__all__):
            lines += described(f"{package_name}.{name}", getattr(package, name))
    return "\n".join(lines) + "\n"


def described(name: str, value: Any) -> Iterator[str]:
    """The lines of one public name: a function's signature, a class with its members, or a value."""
    if inspect.isclass(value):
        bases = [base.__name__ for base in value.__bases__ if base is not object]
        yield f"{name}: class{' of ' + ', '.join(bases) if bases else ''}"
        yield from (f"    {line}" for line in members(value))
    elif callable(value) and not hasattr(value, "__origin__"):
        yield f"{name}{signature(value)}"
    else:
        yield f"{name} = {value!r}"


def members(kind: type) -> Iterator[str]:
    """The lines of a class: fields in their order, how it is made, then methods and properties by the alphabet."""
    fields = dict(fields_of(kind))
    yield from (f"{name}: {text}" for name, text in fields.items())
    maker = own_attribute(kind, "__init__")
    if maker is not None and not dataclasses.is_dataclass(kind) and not getattr(kind, "_is_protocol", False):
        yield f"__init__{signature(maker)}"
    for name in sorted(dir(kind)):
        if name in fields or name in PYDANTICS or (name.startswith("_") and name not in SPECIAL):
            continue
        if (value := own_attribute(kind, name)) is not None:
            yield member(name, value)


def fields_of(kind: type) -> Iterator[tuple[str, str]]:
    """Name, type and default of each field of a dataclass or a pydantic model, and of what a protocol asks for."""
    if dataclasses.is_dataclass(kind):
        for field in dataclasses.fields(kind):
            factory = field.default_factory
            default = "" if factory is dataclasses.MISSING else f" = {made_by(factory)}"
            default = default if field.default is dataclasses.MISSING else f" = {default_text(field.default)}"
            yield field.name, f"{annotation(field.type)}{default}"
        return
    settings = getattr(kind, "model_fields", {})  # of pydantic
    for owner in reversed(kind.__mro__):
        ours = owner.__module__.partition(".")[0] in PACKAGES
        for name, kind_of_value in inspect.get_annotations(owner).items() if ours else ():
            if name.startswith("_") or (settings and name not in settings):
                continue
            default = ""
            if settings and not settings[name].is_required():
                factory = settings[name].default_factory
                default = f" = {made_by(factory) if factory else default_text(settings[name].default)}"
            yield name, f"{annotation(kind_of_value)}{default}"


def made_by(factory: Any) -> str:
    """A default that is made anew for each object, such as list()."""
    name = getattr(factory, "__name__", "")
    return f"{name}()" if name.isidentifier() else "..."


def own_attribute(kind: type, name: str) -> Any:
    """What a class of this project says under a name; None where it is inherited from elsewhere."""
    for owner in kind.__mro__:
        if name in vars(owner):
            return vars(owner)[name] if owner.__module__.partition(".")[0] in PACKAGES else None
    return None


def member(name: str, value: Any) -> str:
    """The line of one member of a class."""
    if isinstance(value, property | functools.cached_property):
        getter = value.fget if isinstance(value, property) else value.func
        return f"{name}: property {annotation(inspect.signature(getter).return_annotation)}"
    if isinstance(value, classmethod | staticmethod):
        return f"{type(value).__name__} {name}{signature(value.__func__)}"
    return f"{name}{signature(value)}" if inspect.isroutine(value) else f"{name} = {default_text(value)}"


def signature(function: Any) -> str:
    """A signature with its annotations as the source has them, the same on every Python."""
    plain = inspect.signature(function)
    parameters = [
        item.replace(annotation=_Text(annotation(item.annotation)), default=_text_of_default(item.default))
        if item.annotation is not item.empty
        else item.replace(default=_text_of_default(item.default))
        for item in plain.parameters.values()
    ]
    returned = "" if plain.return_annotation is plain.empty else f" -> {annotation(plain.return_annotation)}"
    return f"{inspect.Signature(parameters)}{returned}"


def annotation(value: Any) -> str:
    """An annotation as text, as the source has it."""
    if value is inspect.Signature.empty:
        return "(not annotated)"
    text = value if isinstance(value, str) else inspect.formatannotation(value)
    return re.sub(r"""(, )?description=(["']).*?\2""", "", text).replace(", Field()", "")  # words for errors


def default_text(value: Any) -> str:
    """A default as text, which never holds an address in memory."""
    if inspect.isroutine(value):
        return "a function"
    text = repr(value)
    return re.sub(r" at 0x[0-9a-f]+", "", text)


class _Text(str):
    """A text that a signature shows without quotes."""

    def __repr__(self) -> str:
        return str(self)


def _text_of_default(value: Any) -> Any:
    return value if value is inspect.Parameter.empty else _Text(default_text(value))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
