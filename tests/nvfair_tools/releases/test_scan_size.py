"""What listing a published tree costs for each file: calls and bytes are counted, since a busy machine takes longer."""

from __future__ import annotations

import cProfile
import pstats
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from nvfair_tools.recipe.splits import official_split
from nvfair_tools.releases.nvfair import list_nvfair
from nvfair_tools.releases.settings import ReleaseSettings
from nvfair_tools.releases.worksheets import csv_rows
from tests.nvfair_tools.releases.large_nvfair import SHEET, published_names, write_tree, write_workbook
from tests.nvfair_tools.releases.small_releases import sheet_row, write_sheet
from tests.performance.bench_scan import list_people

FILES = 4_000
PUBLISHED_FILES = 650_000
LIMIT_BYTES = 2 * 2**30


@pytest.fixture(scope="module")
def trees(tmp_path_factory) -> Path:
    """The release with its sheet, and its names as a folder of people."""
    folder = tmp_path_factory.mktemp("trees")
    names = published_names(FILES)
    write_tree(folder / "nvfair", names)
    write_workbook(folder / "nvfair" / SHEET, names)
    write_sheet(folder / "sheet.csv", map(sheet_row, names))
    parts = (name.split("/") for name in names)
    write_tree(folder / "people", (f"{person}/{source}/{kind}/{file}" for source, kind, person, file in parts))
    return folder


class Cost(NamedTuple):
    """calls: of functions, Python's own included. looks: of those, calls that open a file or ask for its state."""

    calls: int
    looks: int


def cost(work: Callable[[], object]) -> Cost:
    profile = cProfile.Profile()
    profile.runcall(work)
    counts: Counter[str] = Counter()
    for (_, _, name), (_, calls, *_) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        counts[name] += calls
    look_calls = ("posix.stat", "posix.lstat", "posix.open", "io.open", "posix.readlink")
    return Cost(counts.total(), sum(counts[f"<built-in method {name}>"] for name in look_calls))


def list_release(trees: Path, sheet: str) -> object:
    return list_nvfair(trees / "nvfair", ReleaseSettings(), trees / sheet)


def peak_bytes(work: Callable[[], object]) -> int:
    work()  # what is imported or cached once is no cost of a file
    tracemalloc.start()
    listing = work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del listing
    return peak


def test_the_names_are_those_of_all_people_and_every_one_is_understood(trees):
    assert len(set(published_names(20_000))) == 20_000
    release = list_nvfair(trees / "nvfair", ReleaseSettings())
    assert [file.name for file in release.files] == sorted(published_names(FILES))
    assert {state for _, state, _, _ in release.counts()} == {"ok"}
    assert release.absent == ()
    # All whose clips come first in the order of names are there, and everybody else is nobody of the release.
    assert {file.target for file in release.files} <= set(official_split())
    assert {file.source for file in release.files} == {"cremad"}


def test_listing_a_release_opens_no_file_and_asks_for_the_state_of_none(trees):
    list_release(trees, "sheet.csv")
    taken = cost(lambda: list_release(trees, "sheet.csv"))
    folders = sum(path.is_dir() for path in trees.joinpath("nvfair").rglob("*"))
    assert taken.looks < 2 * folders + 40 < FILES / 2
    assert taken.calls < 110 * FILES


def test_listing_a_folder_of_people_looks_at_each_file_once_to_see_whether_it_is_a_link(trees):
    list_people(trees / "people")
    taken = cost(lambda: list_people(trees / "people"))
    folders = sum(path.is_dir() for path in trees.joinpath("people").rglob("*"))
    assert taken.looks < FILES + 8 * folders + 40
    assert taken.calls < 260 * FILES


@pytest.mark.parametrize("kind", ["release", "people"])
def test_the_published_number_of_files_would_fit_into_two_gigabytes(trees, kind):
    work = {"release": lambda: list_release(trees, "sheet.csv"), "people": lambda: list_people(trees / "people")}[kind]
    assert peak_bytes(work) / FILES * PUBLISHED_FILES < LIMIT_BYTES / 2  # the other half for packages and the reader


def test_a_sheet_with_a_row_for_each_published_file_is_within_the_bounds(tmp_path):
    (tmp_path / "sheet.csv").write_text("a/b/c/d.mp4,yes\n" * PUBLISHED_FILES)
    assert sum(1 for _ in csv_rows(tmp_path / "sheet.csv")) == PUBLISHED_FILES
