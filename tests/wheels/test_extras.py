"""The wheel in clean environments: each extra alone is installed from the registry, and used for what it is for.

`make wheels` runs this (an hour, and 8 GB at a time); NVFAIR_WHEEL_FOLDER names a folder with a wheel that was built
before, NVFAIR_WHEEL_PYTHON another interpreter.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nvfair_tools.doctor.packages import EXTRAS
from tests.wheels.building import copy_source

pytestmark = pytest.mark.soak
PROGRAMS = Path(__file__).parent / "programs"
PYTHON = os.environ.get("NVFAIR_WHEEL_PYTHON", sys.executable)
NAMES = [extra or "core" for extra in EXTRAS]
# A user's program, which mypy reads against the installed package.
TYPED = """\
from pathlib import Path

import benchmark
import leaderboard
import nvfair_tools as nvfair
from nvfair_tools.simulate import CohortSettings, SourceSettings, write_cohort

write_cohort(Path("cohort"), CohortSettings(sources=(SourceSettings(name="sim", train=6, validation=2, test=7),)))
data = nvfair.open("cohort")
reveal_type(data)
reveal_type(nvfair.check("recipe.yaml").passed)
run = benchmark.train(data, "run", generators=["sim-keypoint"])
reveal_type(run)
result = benchmark.evaluate(data, [run, "pretrained:motion-signature"], out="report")
reveal_type(result)
with leaderboard.Client("http://127.0.0.1:9") as client:
    reveal_type(client.submit("mine").digest)
benchmark.evaluate(data, run, allow_overlap="yes")
benchmark.no_such_name
"""
REVEALED = [
    "nvfair_tools.dataset.reader.Dataset",
    "bool",
    "benchmark.methods.checkpoint.Checkpoint",
    "benchmark.evaluation.results.EvaluationResults",
    "str",
]
ERRORS = ['Argument "allow_overlap" to "evaluate"', 'Module has no attribute "no_such_name"']


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, or the one of NVFAIR_WHEEL_FOLDER."""
    folder = os.environ.get("NVFAIR_WHEEL_FOLDER")
    if not folder:
        folder = str(tmp_path_factory.mktemp("wheel"))
        source = copy_source(Path(folder) / "source")
        run(PYTHON, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source)
    (path,) = Path(folder).resolve().glob("nvfair_tools-*.whl")
    return path


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Path]:
    """The folder of an empty virtual environment, which is deleted at once: torch alone takes gigabytes."""
    folder = tmp_path / "environment"
    run(PYTHON, "-m", "venv", folder)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", NAMES, ids=NAMES)
def test_the_extra_alone_is_enough_for_what_it_is_for(
    name: str, wheel: Path, environment: Path, tmp_path: Path
) -> None:
    python = install(environment, wheel if name == "core" else f"{wheel}[{name}]")
    run(python, "-m", "pip", "check")
    work = tmp_path / "work"
    work.mkdir()
    run(python.parent / "nvfair", "doctor", cwd=work)
    run(python, PROGRAMS / f"use_{name.replace('-', '_')}.py", cwd=work)


def test_types_of_the_installed_package_reach_a_users_program(wheel: Path, environment: Path, tmp_path: Path) -> None:
    python = install(environment, wheel, "mypy")
    (tmp_path / "program.py").write_text(TYPED)
    done = subprocess.run(
        [python, "-m", "mypy", "--cache-dir", tmp_path / "cache", "--ignore-missing-imports", "program.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    revealed = [
        line.split('"')[1].removeprefix("builtins.") for line in done.stdout.splitlines() if "Revealed type" in line
    ]
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert revealed == REVEALED, done.stdout + done.stderr
    assert len(errors) == len(ERRORS), done.stdout
    assert all(expected in line for expected, line in zip(ERRORS, errors, strict=True)), done.stdout


def install(environment: Path, *what: object) -> Path:
    """Installs packages into an environment; returns its interpreter."""
    python = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", "pip>=25")
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", *what)
    return python


def run(*words: object, cwd: Path | None = None) -> None:
    """Runs a program that must succeed, without this tree on its path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([*map(str, words)], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}"
