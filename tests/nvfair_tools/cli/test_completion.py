"""Completion in a real bash, and its items for what commands, options and names begin with."""

import os
import pty
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nvfair_tools.cli import run

ROOT = Path(__file__).resolve().parents[3]
BASH = shutil.which("bash")


def completions(line: str, folder: Path) -> list[str]:
    """What bash offers where the cursor stands at the end of a line, as its own machinery finds it."""
    binary = folder / "bin" / "nvfair"
    if not binary.exists():
        binary.parent.mkdir()
        binary.write_text(f'#!/bin/sh\nexec {sys.executable} -m nvfair_tools "$@"\n')
        binary.chmod(0o755)
    # `complete -p` says which function bash calls; it is called as bash does, with the words and the cursor's place.
    script = f"""
eval "$(nvfair completion bash 2>/dev/null)"
declaration=$(complete -p nvfair) && function=$(sed 's/.*-F \\([^ ]*\\).*/\\1/' <<< "$declaration")
line={line!r}
read -ra COMP_WORDS <<< "$line"
[[ $line == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )); COMP_LINE=$line; COMP_POINT=${{#line}}
"$function" nvfair "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    environment = os.environ | {"PATH": f"{binary.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [BASH, "--norc", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    # bash says so where its function is called by a script, not by a key.
    assert [line for line in done.stderr.splitlines() if "not currently executing completion" not in line] == []
    return done.stdout.split()


def typed(keys: str, expected: str, folder: Path) -> bool:
    """Whether a bash at a terminal shows a line, once keys were pressed. Paths are completed by bash itself."""
    outer, inner = pty.openpty()
    environment = os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [BASH, "--norc", "-i"], cwd=folder, env=environment, stdin=inner, stdout=inner, stderr=inner, close_fds=True
    ) as process:
        os.close(inner)
        try:
            os.write(outer, b"eval \"$(nvfair completion bash 2>/dev/null)\"; echo RE''ADY\n")
            read_until(outer, "READY")
            os.write(outer, keys.encode())
            return read_until(outer, expected)
        finally:
            process.kill()
            os.close(outer)


def read_until(terminal: int, expected: str) -> bool:
    """Reads from a terminal until it has shown a text; False where nothing more comes for a minute."""
    screen = ""
    while expected not in screen:
        if not select.select([terminal], [], [], 60)[0]:
            return False
        screen += os.read(terminal, 4096).decode(errors="replace").replace("\r", "")
    return True


@pytest.mark.skipif(BASH is None, reason="there is no bash here")
def test_a_real_bash_completes_commands_options_paths_and_names(tmp_path):
    (tmp_path / "clips.yaml").touch()
    (tmp_path / "data").mkdir()
    assert completions("nvfair bu", tmp_path) == ["build"]
    assert completions("nvfair dataset ch", tmp_path) == ["check"]
    assert "--dry-run" in completions("nvfair build --d", tmp_path)
    assert completions("nvfair protocols show nvfair-u", tmp_path) == ["nvfair-unseen"]
    assert completions("nvfair compare data pretrained:mo", tmp_path) == ["pretrained:motion-signature"]
    assert typed("nvfair check cl\t", "nvfair check clips.yaml", tmp_path)
    assert typed("nvfair dataset check d\t", "nvfair dataset check data", tmp_path)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_script_names_the_command_and_how_it_is_asked(shell, capsys):
    assert run(["completion", shell]) == 0
    printed = capsys.readouterr()
    assert "_NVFAIR_COMPLETE" in printed.out
    assert "nvfair" in printed.out
    assert "to load it: " in printed.err
    program = shutil.which(shell)
    if program is not None:
        checked = subprocess.run([program, "-n"], input=printed.out, capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")


def test_generators_are_those_of_the_data_set_that_is_named(tmp_path):
    import pandas as pd
    from click.shell_completion import ShellComplete

    from nvfair_tools.cli import cli

    pd.DataFrame({"generator": ["alpha", "beta", None]}).to_parquet(tmp_path / "videos.parquet")
    shell = ShellComplete(cli, {}, "nvfair", "_NVFAIR_COMPLETE")
    words = ["evaluate", str(tmp_path), "-g"]
    assert [item.value for item in shell.get_completions(words, "")] == ["alpha", "beta"]
    assert [item.value for item in shell.get_completions(words, "alpha,be")] == ["alpha,beta"]
