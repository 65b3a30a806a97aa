"""Blocks of every page: command lines are parsed by the real command, calls of Python fit the real functions."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shlex
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import click
import pytest

from nvfair_tools.cli import cli
from tests.docs.guide_script import ROOT, blocks

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
PACKAGES = ("nvfair_tools", "generators", "benchmark", "leaderboard")


def command_lines(text: str) -> Iterator[list[str]]:
    """The words after `nvfair` of every such line of a shell block, until a comment, a pipe or another command."""
    text = re.sub(r"\\\n\s*", " ", text)
    for match in re.finditer(r"^\s*(?:export \w+=\$\(|\w+=\S+ )?nvfair (.+)$", text, re.MULTILINE):
        words = shlex.split(match[1].replace("$(", "").rstrip(")"), comments=True)
        yield words[: next((n for n, word in enumerate(words) if word in ("|", "&&", ";", ">")), len(words))]


def parse(words: list[str]) -> None:
    """Parses a command line as `nvfair` does, but for types of values; raises click.UsageError."""
    command: click.Command = cli
    context = click.Context(cli, info_name="nvfair")
    while isinstance(command, click.Group):
        below = command.get_command(context, words[0]) if words else None
        if below is None:
            if words[:1] not in ([], ["--help"]):
                raise click.UsageError(f"no command {words[0]}", context)
            return
        command, words = below, words[1:]
        context = click.Context(command, info_name=command.name)
    values, _, _ = command.make_parser(context).parse_args(list(words))
    missing = [
        param.name
        for param in command.get_params(context)
        if param.required and not param.envvar and values.get(param.name) in (None, ())
    ]
    if missing and not any(name in words for name in ("--help", "-h")):
        raise click.UsageError(f"{', '.join(map(str, missing))} missing", context)


SHELL_BLOCKS = [
    pytest.param(block.text, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page))
    if block.language == "sh" and "nvfair " in block.text
]


@pytest.mark.parametrize("text", SHELL_BLOCKS)
def test_command_lines_of_shell_blocks_are_whole(text: str) -> None:
    for words in command_lines(text):
        parse(words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train data out", "generators missing"),
        ("train data", "missing"),
        ("evaluate data --out o --chekpoint x", "No such option"),
        ("board admin tokn list", "no command tokn"),
        ("embed data out", "folder missing"),
    ],
)
def test_a_command_line_that_is_not_whole_is_refused(words: str, message: str) -> None:
    with pytest.raises(click.UsageError) as refused:
        parse(words.split())
    assert message in refused.value.format_message()


def test_command_lines_are_found() -> None:
    text = (
        "nvfair embed A B --checkpoint c   # a remark\nexport T=$(nvfair board admin token list --board b | tail -1)\n"
    )
    assert list(command_lines(text)) == [
        ["embed", "A", "B", "--checkpoint", "c"],
        ["board", "admin", "token", "list", "--board", "b"],
    ]


def public_function(node: ast.expr, names: dict[str, ModuleType]) -> Any:
    """The function of one of our packages that an expression such as `benchmark.train` names; None for others."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    value: Any = names[node.id]
    for part in parts:
        value = getattr(value, part)
    return value if callable(value) else None


def check_calls(code: str) -> None:
    """Imports what a block imports of our packages; raises TypeError where a call does not fit its function."""
    tree = ast.parse(code)
    names: dict[str, Any] = {}
    for name in ("benchmark", "leaderboard"):
        names[name] = importlib.import_module(name)
    names["nvfair"] = importlib.import_module("nvfair_tools")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
            module = importlib.import_module(node.module)
            names |= {alias.asname or alias.name: getattr(module, alias.name) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (function := public_function(node.func, names)) is not None:
            if any(isinstance(word, ast.Starred) for word in node.args) or any(not word.arg for word in node.keywords):
                continue
            words = {word.arg: None for word in node.keywords if word.arg}
            try:
                inspect.signature(function).bind(*[None] * len(node.args), **words)
            except TypeError as error:
                raise TypeError(f"line {node.lineno}: {ast.unparse(node)}: {error}") from error


PYTHON_BLOCKS = [
    pytest.param(block.text, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page))
    if block.language == "python" and not (block.words and page.parent.name == "extending")
]


@pytest.mark.parametrize("code", PYTHON_BLOCKS)
def test_calls_of_python_blocks_fit_the_functions(code: str) -> None:
    pytest.importorskip("torch", reason="reads signatures of training: pip install 'nvfair-tools[train]'")
    check_calls(code)


@pytest.mark.parametrize(
    "code",
    [
        "benchmark.evaluate(data, run, outt='x')",
        "benchmark.train(data)",
        "import leaderboard\nleaderboard.Client('u', tokn='t')",
    ],
)
def test_a_call_that_does_not_fit_is_noticed(code: str) -> None:
    pytest.importorskip("torch", reason="reads signatures of training: pip install 'nvfair-tools[train]'")
    with pytest.raises(TypeError, match="line"):
        check_calls(code)
