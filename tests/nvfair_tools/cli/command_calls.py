"""Calling a command in this process, with words of which one is spoilt."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from nvfair_tools.cli import cli, run
from nvfair_tools.cli.paths import DATASET, INPUT_FOLDER, OUTPUT_FOLDER, InputPath, OutputPath
from tests.nvfair_tools.cli.every_command import WORDS

# What a message does for its reader: it says what to do, or what was expected in place of what was there.
REMEDY = re.compile(
    r"to fix it: |expected|name (it|a|the|what|another)|[Dd]id you mean|relative paths begin|there is no folder|"
    r"correct the path|Try 'nvfair|next: |fetch (it|the file) again|replace "
)


# Paths that a command reads from words of several kinds, each by the type that it uses.
BY_HAND: dict[tuple[str, str], InputPath | OutputPath] = {
    ("dataset merge", "out"): OUTPUT_FOLDER,
    ("dataset merge", "dataset"): DATASET,
    ("revoke", "dataset"): INPUT_FOLDER,
}


class Call:
    """What a call of the command printed, and how it ended."""

    def __init__(self, words: list[str]) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as errors:
            self.status = run(words)
        self.words, self.out, self.errors = words, out.getvalue(), errors.getvalue()
        self.text = self.out + self.errors

    def __repr__(self) -> str:
        return f"nvfair {shlex.join(self.words)}\nstatus {self.status}\n{self.text}"


@contextlib.contextmanager
def no_privileges() -> Iterator[None]:
    """Root reads whatever it likes; without two capabilities of this thread it is refused as anybody is."""
    if os.geteuid() != 0 or sys.platform != "linux":
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, data) == 0
    effective, without = data[0], data[0] & ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    data[0] = without
    assert libc.capset(header, data) == 0
    try:
        yield
    finally:
        data[0] = effective
        assert libc.capset(header, data) == 0


def words_with(
    name: str, line: int, places: dict[str, Path], out: Path, changes: dict[int, str] | None = None
) -> list[str]:
    """The words of a command; changes: by the number of a placeholder in its line, what stands there instead."""
    known = {key: str(path) for key, path in places.items()} | {"out": str(out / "out"), "out_file": str(out / "out.x")}
    words, number = name.split(), 0
    for word in shlex.split(lines_of(name)[line]):
        if match := re.fullmatch(r"\{(~?)(\w+)\}", word):
            word = (changes or {}).get(number, known[match[2]])
            number += 1
        words.append(word)
    return words


def lines_of(name: str) -> list[str]:
    return WORDS[name].split(" | ")


def placeholders(line: str) -> list[tuple[int, str]]:
    """(number, name) of the placeholders of a line that are to be spoilt."""
    named = re.findall(r"\{(~?)(\w+)\}", line)
    return [(number, key) for number, (is_fixed, key) in enumerate(named) if not is_fixed]


def parameter_of(
    name: str, line: int, number: int, places: dict[str, Path], out: Path
) -> InputPath | OutputPath | None:
    """The kind of path that a command takes where its placeholder of this number stands; None where it takes none."""
    mark = str(out / "THE-PATH-IN-QUESTION")
    seen: list[InputPath | OutputPath] = []
    patch = pytest.MonkeyPatch()
    for kind in (InputPath, OutputPath):
        patch.setattr(kind, "convert", _noting(mark, seen))
    try:
        words = words_with(name, line, places, out, {number: mark})
        command, context = cli, None
        for word in name.split():
            context = click.Context(command, info_name=word, parent=context)
            command = command.get_command(context, word)
        with contextlib.suppress(click.UsageError):
            command.make_context("nvfair", words[len(name.split()) :])
    finally:
        patch.undo()
    return seen[0] if seen else BY_HAND.get((name, re.findall(r"\{~?(\w+)\}", lines_of(name)[line])[number]))


def _noting(mark: str, seen: list):
    def convert(self, value, parameter, context):
        if str(value) == mark:
            seen.append(self)
        return Path(value)

    return convert
