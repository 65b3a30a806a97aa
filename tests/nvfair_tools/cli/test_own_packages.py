"""A command takes its own packages and files, whatever folders lie where it is started."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmark.small_world import World, make

pytest.importorskip("torch")
ROOT = Path(__file__).resolve().parents[3]
# One process for all commands: torch is imported once. Python looks into the present folder first, as for `python -m`.
COMMANDS = """
import sys
from nvfair_tools.cli import cli
for words in (
    ["evaluate", "data", "--checkpoint", "pretrained:temporal-cnn", "--protocol", "nvfair-unseen", "--out", "report"],
    ["submit", "init", "submission"],
    ["weights", "list"],
):
    cli(words, standalone_mode=False)
import benchmark, generators, leaderboard
print("ours:", benchmark.__file__, generators.__file__, leaderboard.__file__)
cli(["evaluate", "data", "--method", "benchmark.mine:Method", "--out", "other"], standalone_mode=False)
"""


def test_folders_of_the_users_own_with_our_names_break_no_command(tmp_path):
    make(tmp_path / "data", World(people=(1, 0, 2), clips=2, frames=80, generators=("alpha",)))
    for name in ("benchmark", "generators", "leaderboard", "tests"):
        for inner in ("", "evaluation", "report", "protocols", "pages", "submission"):
            (tmp_path / name / inner).mkdir(exist_ok=True, parents=True)
            if name != "leaderboard":  # a folder without __init__.py is a package too, of another kind
                (tmp_path / name / inner / "__init__.py").write_text("raise RuntimeError('the package of the user')\n")
        (tmp_path / name / "mine.py").write_text("class Method: ...\n")
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    results = json.loads((tmp_path / "report" / "results.json").read_text())
    assert "published" in results, done.stderr
    assert (tmp_path / "report" / "index.html").is_file()
    assert (tmp_path / "submission" / "submission.yaml").is_file()
    places = [Path(text) for text in done.stdout.partition("ours: ")[2].split()]
    assert places == [ROOT / name / "__init__.py" for name in ("benchmark", "generators", "leaderboard")]
    # Methods of a package with our name cannot be found; the message says what to do.
    assert "there is no module 'benchmark.mine'" in done.stderr
    assert "'benchmark' is a package of this toolkit; give your own another name" in done.stderr
