"""Scanning published trees of empty files: seconds and peak memory, each part in a process of its own.

python -m tests.performance.bench_scan --files 650_000

`nvfair`: the release's tree with its spreadsheet (.xlsx), as `nvfair import nvfair --check` lists and counts it.
`nvfair-csv`: the same with the sheet saved as CSV. `people`: the same names as a folder with one folder a person, as a
recipe lists it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nvfair_tools.recipe.clip_list import ClipList

PARTS = ("nvfair", "nvfair-csv", "people")
LIMIT_SECONDS, LIMIT_GB = 60, 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=lambda text: int(text.replace("_", "")), default=650_000)
    parser.add_argument("--folder", type=Path, help="keep the tree here, or use the one that is here")
    parser.add_argument("--part", choices=PARTS, help="scan the tree of --folder in this process")
    options = parser.parse_args()
    if options.part:
        print(json.dumps(scan(options.part, options.folder)), flush=True)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "nvfair").is_dir():
            write_trees(folder, options.files)
        for part in PARTS:
            command = [sys.executable, "-m", "tests.performance.bench_scan", "--folder", str(folder), "--part", part]
            subprocess.run(command, check=True)


def write_trees(folder: Path, files: int) -> None:
    """Writes the release, its sheet in both forms beside it, and the folder of people."""
    from tests.nvfair_tools.releases.large_nvfair import published_names, write_tree, write_workbook
    from tests.nvfair_tools.releases.small_releases import sheet_row, write_sheet

    names = published_names(files)
    write_tree(folder / "nvfair", names)
    write_workbook(folder / "sheet.xlsx", names)
    write_sheet(folder / "sheet.csv", map(sheet_row, names))
    parts = (name.split("/") for name in names)
    write_tree(folder / "people", (f"{person}/{source}/{kind}/{file}" for source, kind, person, file in parts))


def scan(part: str, folder: Path) -> dict[str, object]:
    """The figures of one scan; an error where it does not find every file."""
    start, cpu = time.perf_counter(), time.process_time()
    count = (
        len(list_people(folder / "people").rows)
        if part == "people"
        else _release(folder, "csv" if part == "nvfair-csv" else "xlsx")
    )
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "part": part,
        "files": count,
        "seconds": round(seconds, 1),
        "process_s": round(cpu, 1),
        "peak_gb": round(peak, 3),
        # On a machine with other work, the seconds of the processor say more than those of the clock.
        "within": cpu < LIMIT_SECONDS and peak < LIMIT_GB,
    }


def _release(folder: Path, suffix: str) -> int:
    from nvfair_tools.releases.nvfair import list_nvfair
    from nvfair_tools.releases.settings import ReleaseSettings

    release = list_nvfair(folder / "nvfair", ReleaseSettings(), folder / f"sheet.{suffix}")
    counts = release.counts()
    assert {state for _, state, _, _ in counts} == {"ok"}, counts
    return sum(number for *_, number in counts)


def list_people(root: Path) -> ClipList:
    """The clips of a folder of people, as a recipe lists them."""
    from nvfair_tools.recipe.clip_list import list_clips
    from nvfair_tools.recipe.recipe import Recipe

    rights = {"licence": "CC0", "consent": "yes", "permitted_use": "research"}
    recipe = Recipe.model_validate(
        {
            "name": "Scan",
            "output": "unused",
            "sources": [{"folder": str(root), "source": "x", "defaults": rights}],
            "rights": {"render_if": ["research"]},
            "generators": [{"name": "warp-dense"}],
        }
    )
    return list_clips(recipe)


if __name__ == "__main__":
    main()
