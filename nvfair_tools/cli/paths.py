"""The kinds of paths that commands take: what is read must be there, and what is written must be of the right kind.

A path that is not there or of the wrong kind is wrong usage (exit status 2); one that may not be read or written is an
error (1). Both are found before anything is imported. A shell completes paths.
"""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

Function = TypeVar("Function", bound=Callable[..., Any])
_OPTION = "out_option"  # the parameter, and the key under which a context remembers its value


class InputPath(click.Path):
    """A path that is read: a file, a folder, or either of them.

    what: what it is to hold, for messages. source: what makes one, said where none is named. prefix: begins values
    that are names and no paths, such as "pretrained:". suffixes: of the files to propose in place of a folder.
    """

    def __init__(
        self,
        *,
        file: bool = True,
        folder: bool = True,
        what: str = "",
        source: str = "",
        prefix: str = "",
        suffixes: tuple[str, ...] = (),
    ) -> None:
        super().__init__(file_okay=file, dir_okay=folder, path_type=Path)
        self.what, self.source, self.prefix, self.suffixes = what, source, prefix, suffixes

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None = None) -> str | None:
        """What makes such a file or folder, where it is known."""
        return self.source or None

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path, which is there. Raises BadParameter with the nearest name where it is not."""
        path = Path(str(value) if not isinstance(value, os.PathLike) else os.fspath(value))
        if self.prefix and str(value).startswith(self.prefix):
            return path
        try:
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            self.fail(f"{str(path)!r}: there is no such {self._kind()}; {_nearest(path)}", param, ctx)
        except PermissionError as error:
            raise _closed(path, "Permission denied: it lies in a folder that your user may not enter") from error
        except (OSError, ValueError) as error:  # a name too long, a zero byte
            self.fail(f"{str(path)!r}: {getattr(error, 'strerror', None) or error}; name another path", param, ctx)
        if is_folder and not self.dir_okay:
            self.fail(f"{str(path)!r} is a folder; expected {self.what or 'a file'}; {self._inside(path)}", param, ctx)
        if not is_folder and not self.file_okay:
            self.fail(f"{str(path)!r} is a file; expected {self.what or 'a folder'}: name the folder", param, ctx)
        if not _may(path, os.R_OK | (os.X_OK if is_folder else 0)):
            raise _closed(path, "Permission denied: your user may not read it")
        return path

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that begin with the prefix, where it was typed, and paths."""
        items = super().shell_complete(ctx, param, incomplete)
        return [*items, *_pretrained(incomplete)] if self.prefix else items

    def _kind(self) -> str:
        return "file or folder" if self.file_okay and self.dir_okay else "file" if self.file_okay else "folder"

    def _inside(self, folder: Path) -> str:
        """A remedy for a folder in place of a file: the first file in it that could be meant."""
        try:
            names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
        except OSError:
            names = []
        near = [name for name in names if not name.startswith(".") and name.endswith(self.suffixes or "")]
        return f"name a file, such as {str(folder / near[0])!r}" if near else self.source or "name a file"


class OutputPath(click.Path):
    """A path that is written: a file, or a folder, either of which may be there already."""

    def __init__(self, *, folder: bool = False) -> None:
        super().__init__(file_okay=not folder, dir_okay=folder, path_type=Path)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path. Raises BadParameter where something of the other kind is there."""
        path = Path(str(value) if not isinstance(value, os.PathLike) else os.fspath(value))
        try:
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        except FileNotFoundError:
            _check_parent(path)  # before hours of work end here
            return path
        except NotADirectoryError:
            _check_parent(path)
            raise
        except PermissionError as error:
            raise _closed(path, "Permission denied: it lies in a folder that your user may not enter") from error
        except (OSError, ValueError) as error:
            self.fail(f"{str(path)!r}: {getattr(error, 'strerror', None) or error}; name another path", param, ctx)
        if is_folder and not self.dir_okay:
            self.fail(f"{str(path)!r} is a folder; name the file to write, such as {str(path / 'NAME')!r}", param, ctx)
        if not is_folder and not self.file_okay:
            self.fail(f"{str(path)!r} is a file; name a folder to write to", param, ctx)
        return path


INPUT_FILE = InputPath(folder=False)
INPUT_FOLDER = InputPath(file=False)
INPUT = InputPath()
RECIPE = InputPath(
    folder=False,
    what="a recipe, which is a YAML file",
    source="`nvfair new recipe NAME --from VIDEOS` writes one for a folder of recordings",
    suffixes=(".yaml", ".yml"),
)
DATASET = InputPath(
    file=False,
    what="a data set's folder, as `nvfair build` makes it",
    source="`nvfair build` makes one of videos, `nvfair simulate cohort` one of simulated people",
)
CHECKPOINT = InputPath(
    what="a folder that `nvfair train` wrote", source="`nvfair train` writes one", file=False, prefix="pretrained:"
)
OUTPUT_FILE = OutputPath()
OUTPUT_FOLDER = OutputPath(folder=True)


def _check_parent(path: Path) -> None:
    """Raises NvfairError where nothing can be made at a path: a part of it is a file, or a folder that is closed."""
    parent = path.absolute().parent
    while not os.path.lexists(parent) and parent != parent.parent:
        parent = parent.parent
    if not parent.is_dir():
        raise _closed(path, f"Not a directory: {str(parent)!r} is a file")
    if not _may(parent, os.W_OK | os.X_OK):
        raise _closed(path, f"Permission denied: your user may not write in {str(parent)!r}")


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _closed(path: Path, what: str) -> Exception:
    from nvfair_tools.errors import NvfairError

    return NvfairError(what, where=path, remedy="name another path, or change who may use this one")


def _nearest(path: Path) -> str:
    """A remedy for a path that is not there: the nearest name in its folder, or where relative paths begin."""
    folder = path.parent
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return f"there is no folder {str(folder)!r} (relative paths begin at {os.getcwd()})"
    near = difflib.get_close_matches(path.name, names, n=1)
    if near:
        return f"did you mean {str(folder / near[0])!r}?"
    return "correct the path" if path.is_absolute() else f"relative paths begin at {os.getcwd()}"


def _pretrained(incomplete: str) -> list[CompletionItem]:
    from nvfair_tools.cli.names import pretrained_names

    return [CompletionItem(name) for name in pretrained_names() if name.startswith(incomplete)]


def output(
    name: str = "out", *, folder: bool = True, metavar: str = "OUT", default: Path | None = None
) -> Callable[[Function], Function]:
    """Adds the place of a command's result, which may be named either as the argument OUT or with --out."""
    return either(name, "--out", OUTPUT_FOLDER if folder else OUTPUT_FILE, metavar=metavar, default=default)


def either(
    name: str, option: str, kind: click.ParamType, *, metavar: str, default: Path | None = None
) -> Callable[[Function], Function]:
    """Adds a path that may be named either as the last argument or with an option.

    name: of the parameter that receives the path. default: where neither is there; without one, that is wrong usage.
    """

    def remember(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
        context.meta[_OPTION] = value

    def join(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
        by_option = context.meta.pop(_OPTION, None)
        if value is not None and by_option is not None:
            raise click.UsageError(f"it is named twice, as {metavar} and with {option}: name it once")
        path = value or by_option or default
        if path is None and not context.resilient_parsing:
            raise click.UsageError(f"Missing argument {metavar!r}: name it as {metavar} or with {option}")
        return path

    def add(command: Function) -> Function:
        text = f"The same as {metavar}."
        as_option = click.option(
            option, _OPTION, type=kind, is_eager=True, expose_value=False, callback=remember, help=text
        )
        in_help = f"[{metavar}]" if default else metavar
        return click.argument(name, metavar=in_help, type=kind, required=False, callback=join)(as_option(command))

    return add
