"""What the programs of this folder share. They run on an installed wheel, outside the project's tree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nvfair_tools

assert "site-packages" in Path(nvfair_tools.__file__).parts, f"not the installed package: {nvfair_tools.__file__}"


def nvfair(*words: object, status: int = 0) -> str:
    """Runs the command in the present folder; returns all that it prints."""
    command = [sys.executable, "-m", "nvfair_tools", *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800)
    assert done.returncode == status, f"nvfair {' '.join(map(str, words))} ended with {done.returncode}\n{done.stdout}"
    return done.stdout


def small_cohort() -> Path:
    """A data set of simulated people, landmarks only; the core makes it."""
    from nvfair_tools.simulate import CohortSettings, SourceSettings, write_cohort

    folder = Path("cohort")
    people = SourceSettings(name="sim", train=3, validation=2, test=5, texts=2)
    write_cohort(folder, CohortSettings(seed=1, sources=(people,), clips=3, frames=120), workers=1)
    return folder


def small_recipe() -> Path:
    """Videos of simulated people with the recipe of their data set, `clips`."""
    Path("people.yaml").write_text(
        "{seed: 1, sources: [{name: sim, train: 2, validation: 0, test: 2, texts: 1}], clips: 2, frames: 60, size: 128}"
    )
    nvfair("simulate", "people", "people", "--settings", "people.yaml", "--workers", "1")
    Path("recipe.yaml").write_text(
        "{name: two faces, output: clips, simulated: true, sources: [{csv: people/clips.csv}], workers: 1,\n"
        " rights: {render_if: [any]}, splits: {by: column}, generators: [{name: warp-dense}]}\n"
    )
    return Path("recipe.yaml")
