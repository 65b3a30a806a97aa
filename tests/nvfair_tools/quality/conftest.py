"""A small data set of simulated people, rendered by a warp and by a tool that only copies the driver."""

import sys
from pathlib import Path

import pytest

from nvfair_tools.curate.build import build
from nvfair_tools.dataset import Dataset
from nvfair_tools.quality.measure_dataset import measure_dataset
from nvfair_tools.simulate.settings import SourceSettings
from nvfair_tools.simulate.videos import PeopleSettings, write_people
from tests.nvfair_tools.small_build import write_recipe

PEOPLE = PeopleSettings(
    sources=(SourceSettings(name="sim", train=2, validation=0, test=0, texts=1),), clips=1, frames=30, seed=2
)
COPIER = "import shutil, sys; shutil.copy(sys.argv[2], sys.argv[3])"


def generators(folder: Path) -> list[dict]:
    (folder / "copy.py").write_text(COPIER)
    command = f"{sys.executable} {folder}/copy.py {{portrait}} {{clip}} {{out}}"
    tool = {"command": command, "name": "copy", "licence": "CC0"}
    return [{"name": "warp-dense"}, {"name": "external", "settings": tool}]


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """A recipe's folder with the built data set `dataset`."""
    folder = tmp_path_factory.mktemp("quality")
    write_people(folder / "people", PEOPLE, workers=0)
    recipe = write_recipe(
        folder / "recipe.yaml",
        folder / "people" / "clips.csv",
        workers=0,
        generators=generators(folder),
        rights={"render_if": ["any"]},
        simulated=True,
    )
    build(recipe)
    return folder


@pytest.fixture(scope="session")
def data(folder) -> Dataset:
    return Dataset.open(folder / "dataset")


@pytest.fixture(scope="session")
def measured(data, tmp_path_factory, recognition_model):
    path = tmp_path_factory.mktemp("measured") / "quality.parquet"
    return path, measure_dataset(data, path, recogniser=recognition_model, workers=0)
