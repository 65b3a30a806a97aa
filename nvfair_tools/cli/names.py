"""Names that options take, which a shell completes: protocols, methods, generators. Nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path

import click
from click.shell_completion import CompletionItem


class Name(click.ParamType):
    """Any text; a shell offers the known names, and paths where it may be a file too.

    names: lists them, for the context of the call.
    """

    name = "text"

    def __init__(self, names: Callable[[click.Context], Iterable[str]], *, or_file: bool = False) -> None:
        self.names, self.or_file = names, or_file

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None = None) -> str | None:
        """The known names, where none is given."""
        context = ctx or click.get_current_context(silent=True)
        names = list(self.names(context)) if context is not None else []
        return f"Choose from {', '.join(names)}." if names else None

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that begin as typed; after a comma, those of the next part."""
        head, comma, start = incomplete.rpartition(",") if param.multiple else ("", "", incomplete)
        items = [CompletionItem(f"{head}{comma}{name}") for name in self.names(ctx) if name.startswith(start)]
        # The file first: bash forgets what came before it.
        return [CompletionItem(incomplete, type="file"), *items] if self.or_file else items


def protocol_names() -> list[str]:
    """The protocols that ship with the package."""
    return _file_stems("benchmark.protocols", ".json")


def pretrained_names() -> list[str]:
    """The checkpoints that ship, as options name them: "pretrained:NAME"."""
    from benchmark.pretrained import PRETRAINED_PREFIX
    from benchmark.pretrained import pretrained_names as names

    return [f"{PRETRAINED_PREFIX}{name}" for name in names()]


def world_names() -> list[str]:
    """The simulated worlds that are written down, by name."""
    return _file_stems("nvfair_tools.simulate.worlds", ".yaml")


def generators_of(context: click.Context) -> list[str]:
    """The generators of the data set that the call names; those that ship where there is none yet."""
    # While a line is being typed, its arguments are not assigned to parameters yet.
    places = [context.params.get("dataset"), *context.args]
    tables = [Path(str(place)) / "videos.parquet" for place in places if place]
    table = next((table for table in tables if table.is_file()), None)
    if table is not None:
        import pyarrow.parquet as pq

        labels = pq.read_table(table, columns=["generator"])["generator"].unique().to_pylist()
        return sorted(label for label in labels if label)
    from generators.registry import names

    return sorted(names())


def registered_weights(context: click.Context) -> list[str]:
    """The generator checkpoints that are registered on this machine."""
    from generators.weights import store_folder

    return sorted(path.stem for path in store_folder().glob("*.json"))


def _file_stems(package: str, suffix: str) -> list[str]:
    entries = resources.files(package).iterdir()
    return sorted(entry.name.removesuffix(suffix) for entry in entries if entry.name.endswith(suffix))


PROTOCOL = Name(lambda context: protocol_names(), or_file=True)
GENERATOR = Name(generators_of)
METHOD = Name(lambda context: pretrained_names(), or_file=True)
WORLD = Name(lambda context: world_names())
