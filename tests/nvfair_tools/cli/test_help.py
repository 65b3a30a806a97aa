"""Help imports nothing heavy for any command, colours go where they are welcome, and logs have no escape codes."""

import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from nvfair_tools.cli import run
from nvfair_tools.cli.examples import EXAMPLES
from nvfair_tools.cli.paths import InputPath, OutputPath
from tests.nvfair_tools.cli.every_command import commands, groups_and_commands

COMMANDS = commands()
ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("torch", "numpy", "pandas", "pyarrow", "pydantic", "cv2", "scipy", "matplotlib", "sqlalchemy", "av", "rich")


def test_the_help_of_every_command_imports_nothing_heavy():
    code = f"""
import sys
from tests.nvfair_tools.cli.every_command import groups_and_commands
import click
for command, name in groups_and_commands():
    with click.Context(command, info_name=name) as context:
        assert command.get_help(context)
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "[]\n"


def test_every_option_says_what_it_is_in_one_style():
    problems = []
    for name, command in COMMANDS.items():
        for option in command.params:
            if not isinstance(option, click.Option) or option.hidden:
                continue
            text, words = option.help or "", (name, option.opts)
            if len(text.split()) < 2 or text.startswith("Of "):
                problems.append(f"{words}: {text!r} does not say what it is")
            if re.search(r"\(default|^Default|[.] Default|where not given", text):
                problems.append(f"{words}: {text!r}: a default stands in brackets: [default: ...]")
            if option.multiple and "repeatable" not in text:
                problems.append(f"{words}: {text!r} does not say that it is repeatable")
    assert problems == []


def test_every_command_has_an_example_that_it_can_read(monkeypatch, tmp_path):
    assert EXAMPLES.keys() == COMMANDS.keys()
    for kind in (InputPath, OutputPath):
        monkeypatch.setattr(kind, "convert", lambda self, value, parameter, context: Path(str(value)))
    for name, lines in EXAMPLES.items():
        for line in lines:
            words = shlex.split(re.sub(r'^eval "\$\((.*)\)"$', r"\1", line).partition(" > ")[0], comments=True)
            assert words[: 1 + len(name.split())] == ["nvfair", *name.split()], line
            COMMANDS[name].make_context("nvfair", words[1 + len(name.split()) :])  # wrong usage would be raised


def test_help_shows_the_example_and_calls_numbers_and_folders_so(capsys):
    assert run(["train", "--help"]) == 0
    text = capsys.readouterr().out
    assert "  nvfair train runs/clips runs/cnn -g warp-dense --dry-run\n" in text
    assert "INTEGER" not in text
    assert "DIRECTORY" not in text


def test_the_help_of_everything_names_the_exit_statuses(capsys):
    run(["--help"])
    assert "Exit status: 0 done; 1 an error" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("command", "name"), [pair for pair in groups_and_commands() if isinstance(pair[0], click.Group)], ids=str
)
def test_a_group_lists_its_commands_in_whole_sentences(command, name):
    with click.Context(command, info_name=name, terminal_width=80) as context:
        lines = command.get_help(context).splitlines()
    assert not [line for line in lines[1:] if line.endswith("...")]
    assert max(map(len, lines)) <= 80


def printed_at_a_terminal(words: list[str], **environment: str) -> str:
    """What a command prints where its outputs are a terminal."""
    outer, inner = pty.openpty()
    variables = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm"}
    command = [sys.executable, "-m", "nvfair_tools", *words]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=inner, stdout=inner, stderr=inner, env=variables | environment
    ) as process:
        os.close(inner)
        text = b""
        try:
            while chunk := os.read(outer, 4096):
                text += chunk
        except OSError:  # the terminal closes with its last program
            pass
        process.wait()
    os.close(outer)
    return text.decode()


def test_no_color_takes_the_colours_of_an_error_away(tmp_path):
    words = ["protocols", "show", "nobody"]
    assert "\x1b[31m" in printed_at_a_terminal(words)
    assert "\x1b[3" not in printed_at_a_terminal(words, NO_COLOR="1")


@pytest.mark.parametrize("words", [["protocols", "show", "nobody"], ["doctor", "--help"], ["protocols", "list"]])
def test_what_goes_to_a_file_has_no_escape_codes(words, capfd):
    run(words)
    printed = capfd.readouterr()
    assert "\x1b" not in printed.out + printed.err
    assert "\r" not in printed.out + printed.err
