"""Options of every command: one name means one thing, a wrong value is named, and --json prints one document."""

from __future__ import annotations

import json
import shlex

import click
import pytest

from nvfair_tools.cli.names import Name
from nvfair_tools.cli.paths import InputPath, OutputPath
from tests.nvfair_tools.cli.command_calls import REMEDY, Call, lines_of, parameter_of, placeholders, words_with
from tests.nvfair_tools.cli.every_command import ALLOWED, SERVERS, SLOW, commands, spoil

COMMANDS = commands()
OPTIONS = [
    (name, parameter.opts[-1])
    for name, command in COMMANDS.items()
    for parameter in command.params
    if isinstance(parameter, click.Option)
    and isinstance(parameter.type, (click.types.IntParamType, click.types.FloatParamType, click.Choice, click.DateTime))
    and parameter.nargs == 1
]


def test_a_value_that_is_none_of_an_options_is_wrong_usage(places, tmp_path):
    problems = []
    for name, option in OPTIONS:
        words = [*words_with(name, 0, places, tmp_path), option, "nonsense"]
        try:
            call = Call(words)
        except Exception as error:  # noqa: BLE001
            problems.append(f"{shlex.join(words)}: {error!r}")
            continue
        if call.status != 2 or option not in call.errors or "nonsense" not in call.errors:
            problems.append(repr(call))
    assert not problems, "\n".join(problems)
    assert len(OPTIONS) >= 100


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("train", "{dataset}", "{out}", "-g", "alpha", "--protocol", "nvfair-sen"), "nvfair-sen"),
        (("train", "{dataset}", "{out}", "-g", "alpha", "--method", "temporal-cn"), "temporal-cn"),
        (("train", "{dataset}", "{out}", "-g", "alpa"), "alpa"),
        (("embed", "{dataset}", "{out}", "--checkpoint", "pretrained:nobody"), "nobody"),
        (("evaluate", "{dataset}", "--method", "no.such:method", "--out", "{out}"), "no.such"),
        (("compare", "{dataset}", "pretrained:nobody", "pretrained:temporal-cnn"), "nobody"),
        (("stress", "{dataset}", "--checkpoint", "{checkpoint}", "--out", "{out}", "--test", "floods"), "floods"),
        (("simulate", "cohort", "{out}", "--world", "wrld1"), "wrld1"),
        (("protocols", "show", "nvfair-sen"), "nvfair-sen"),
        (("protocols", "count", "nvfair-seen", "{dataset}", "--split", "tset"), "tset"),
        (("weights", "remove", "nobody"), "nobody"),
        (("submit", "push", "{submission}", "--url", "nowhere", "--dry-run"), "nowhere"),
        (("board", "add", "{submission}", "--board", "{board}", "--dataset", "other"), "other"),
        (("new", "method", "1 2 3"), "1 2 3"),
        (("completion", "tcsh"), "tcsh"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else value,
)
def test_an_unknown_name_is_named(words, name, places, tmp_path):
    known = {key: str(path) for key, path in places.items()} | {"out": str(tmp_path / "out")}
    call = Call([word.format(**known) for word in words])
    assert call.status in (1, 2)
    assert name in call.errors
    assert REMEDY.search(call.errors) or "there are" in call.errors or "is none of" in call.errors, call


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in SERVERS])
def test_a_mistake_is_one_document_with_json(name, places, tmp_path):
    """What is found after the command has begun is in the document; wrong usage leaves standard output empty."""
    if name in ("completion",):
        return
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert "--json" in options
    if name != "verify":
        assert {"--quiet", "-q"} <= options
    if not placeholders(lines_of(name)[0]) or name in SLOW:
        return
    number, placeholder = placeholders(lines_of(name)[0])[0]
    kind = parameter_of(name, 0, number, places, tmp_path)
    spoilt = "junk folder" if isinstance(kind, InputPath) and kind.dir_okay else "junk file"
    if isinstance(kind, OutputPath) or (name, placeholder, spoilt) in ALLOWED:
        return
    call = Call([*words_with(name, 0, places, tmp_path, {number: str(spoil(tmp_path, spoilt))}), "--json"])
    assert call.status == 1
    document = json.loads(call.out)
    assert (
        set(document["error"]) >= {"what", "where", "expected", "remedy", "message"}
        if "error" in document
        else document
    )


def test_options_of_one_name_mean_one_thing_in_every_command():
    flags = {"--json": True, "--quiet": True, "--dry-run": True, "--yes": True, "--out": False, "--board": False}
    for name, command in COMMANDS.items():
        for parameter in command.params:
            for option in parameter.opts:
                if option in flags and isinstance(parameter, click.Option):
                    assert parameter.is_flag == flags[option], (name, option)
                if option == "--out":
                    assert isinstance(parameter.type, OutputPath), name
                if option == "--protocol":
                    assert isinstance(parameter.type, Name), name
                if option == "--generators":
                    assert "-g" in parameter.opts, name
                    assert parameter.multiple, name
    boards = [name for name in COMMANDS if name.startswith("board ")]
    assert all("--board" in {o for p in COMMANDS[name].params for o in p.opts} for name in boards)
