"""No user's mistake ends in a traceback: every command of the tree is called with every kind of bad path.

Each call must end with the status that docs/command_line.md gives, name the path, and say what to do.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from nvfair_tools.cli.paths import InputPath, OutputPath
from tests.nvfair_tools.cli.command_calls import (
    REMEDY,
    Call,
    lines_of,
    no_privileges,
    parameter_of,
    placeholders,
    words_with,
)
from tests.nvfair_tools.cli.every_command import ALLOWED, OF_FILES, OF_FOLDERS, SLOW, WORDS, commands, kinds_of, spoil

COMMANDS = commands()


def test_every_command_has_words_here():
    assert sorted(COMMANDS) == sorted(WORDS)


CASES = [
    (name, line, number, placeholder)
    for name in COMMANDS
    if name in WORDS
    for line, words in enumerate(lines_of(name))
    for number, placeholder in placeholders(words)
]


@pytest.mark.parametrize(
    ("name", "line", "number", "placeholder"), CASES, ids=[f"{n}-{p}-{line}-{i}" for n, line, i, p in CASES]
)
def test_a_bad_path_is_named_with_a_remedy(name, line, number, placeholder, places, tmp_path):
    kind = parameter_of(name, line, number, places, tmp_path)
    assert kind is not None, f"the word {placeholder} of nvfair {name} is no path of paths.py"
    ways = [way for way in ways_to_spoil(kind) if name not in SLOW or way[1] == (2,) or way[0] == "junk file"]
    assert_each_is_named(ways, name, line, number, placeholder, places, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize(("name", "line", "number", "placeholder"), [case for case in CASES if case[0] in SLOW])
def test_every_bad_path_is_named_with_a_remedy(name, line, number, placeholder, places, tmp_path):
    kind = parameter_of(name, line, number, places, tmp_path)
    assert kind is not None
    assert_each_is_named(list(ways_to_spoil(kind)), name, line, number, placeholder, places, tmp_path)


def assert_each_is_named(ways, name, line, number, placeholder, places, tmp_path):
    """Calls the command once for each way to spoil one of its paths."""
    problems = []
    for spoilt, expected in ways:
        if (name, placeholder, spoilt) in ALLOWED:
            continue
        path = spoilt_path(tmp_path, spoilt)
        path.parent.chmod(0o700)
        restricted = "unreadable" in spoilt or "unwritable" in spoilt
        place = path.parent if spoilt == "unwritable" else path
        if restricted:
            place.chmod(0)
        try:
            with no_privileges() if restricted else contextlib.nullcontext():
                call = Call(words_with(name, line, places, tmp_path, {number: str(path)}))
        except Exception as error:  # noqa: BLE001 - every traceback is listed, with the call that led to it
            problems.append(f"{spoilt}: {type(error).__name__}: {error}")
            continue
        finally:
            if restricted:
                place.chmod(0o700)
        if call.status not in expected:
            problems.append(f"{spoilt}: expected status {expected}: {call}")
        elif path.name not in call.text:
            problems.append(f"{spoilt}: does not name {path.name}: {call}")
        elif not REMEDY.search(call.text):
            problems.append(f"{spoilt}: no remedy: {call}")
    assert not problems, "\n\n".join(problems)


def ways_to_spoil(kind: InputPath | OutputPath) -> Iterator[tuple[str, tuple[int, ...]]]:
    """(what is wrong with the path, statuses that it may lead to)."""
    if isinstance(kind, OutputPath):
        yield ("folder", (2,)) if kind.file_okay else ("file", (2,))
        yield "below a file", (1,)
        yield "unwritable", (1,)
        return
    for spoilt in OF_FILES if kind.file_okay else ():
        if spoilt == "folder" and kind.dir_okay:
            continue
        yield spoilt, (2,) if spoilt in ("not there", "folder") else (1,)
    for spoilt in OF_FOLDERS if kind.dir_okay else ():
        if spoilt == "file" and kind.file_okay:
            continue
        yield spoilt, (2,) if spoilt in ("not there", "file") else (1,)


def spoilt_path(folder: Path, kind: str) -> Path:
    """A path that is bad in the way; outputs that cannot be written lie below a file or in a closed folder."""
    if kind == "below a file":
        (folder / "plain").touch()
        return folder / "plain" / "spoilt"
    if kind == "unwritable":
        (folder / "closed").mkdir(exist_ok=True)
        return folder / "closed" / "spoilt"
    return spoil(folder, kind)


# Paths that are spoilt by tests of their own: what they belong to must be whole before they are read.
SPOILT_ELSEWHERE = {
    ("import nvfair", "demographics"),  # tests/nvfair_tools/releases/test_demographics.py
    ("import avaprintdb", "demographics"),
    ("dataset repair", "copies"),  # tests/nvfair_tools/curate/care/test_repair.py
    ("simulate statistics", "clips"),
    *(("avaprintdb fuse", key) for key in ("clip", "dino", "lists")),  # read by the functions that read --graph
    ("revoke", "recipients"),  # tests/nvfair_tools/curate/revocation
    ("dataset merge", "out"),  # the same as the argument
    *(("identify", key) for key in ("video", "enrolments", "calibration")),  # tests/benchmark/verification
}


def test_every_path_of_every_command_is_a_known_kind_and_is_spoilt_here():
    paths, spoilt = [], set()
    for name, command in COMMANDS.items():
        for parameter in command.params:
            for kind in kinds_of(parameter):
                assert not (type(kind) is click.Path and (name, parameter.name) not in BY_WORDS), (name, parameter.name)
                if isinstance(kind, (InputPath, OutputPath)):
                    paths.append((name, parameter.name))
        for line in lines_of(name):
            context = click.Context(command)
            words = re.sub(r"\{~\w+\}", "FIXED", re.sub(r"\{\w+\}", "SPOILT", line))
            patch = pytest.MonkeyPatch()
            for kind in (InputPath, OutputPath):
                patch.setattr(kind, "convert", lambda self, value, parameter, context: Path(str(value)))
            try:
                with contextlib.suppress(click.UsageError):
                    context = command.make_context("nvfair", shlex.split(words))
            finally:
                patch.undo()
            for key, value in context.params.items():
                if "SPOILT" in repr(value):
                    spoilt.add((name, key))
    same = {("out_option", "out"), ("out_option", "folder"), ("out_option", "bundle"), ("out_option", "file")}
    untried = {
        (name, key)
        for name, key in paths
        if (name, key) not in spoilt | SPOILT_ELSEWHERE
        and not any(key == option and (name, other) in spoilt for option, other in same)
        and not (key == "out_option" and (name, "board") in spoilt)
        and key not in BY_DEFAULT
    }
    assert untried == set()


# Arguments that are read by hand, because they are words of several kinds.
BY_WORDS = {("dataset merge", "folders")}
# Options of which each is spoilt for one command, and shared by all that have it.
BY_DEFAULT = {"tensorboard"}
