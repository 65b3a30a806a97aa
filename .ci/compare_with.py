"""Does a change leave the results alone? A fixed small run by two versions of the code, compared byte for byte.

    python .ci/compare_with.py REF [--keep FOLDER]        or: make compare REF=v0.1.0

The run: a simulated cohort, two trainings, an evaluation, a data set rendered from simulated people's videos, the
protocols' digests and the demo board. Both versions run on this machine with this interpreter and one thread. Files
that differ are named; of JSON every key that differs is printed with its value before and after. Exit status 1 where
anything differs.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COHORT = """\
name: comparison cohort
seed: 5
difficulty: 0.3
sources: [{name: sim, train: 6, validation: 2, test: 7, texts: 2, free: 0.3}]
clips: 3
cross: 2
frames: 100
"""
PEOPLE = "{seed: 5, sources: [{name: sim, train: 1, validation: 1, test: 2}], clips: 2, frames: 80, size: 128}"
RECIPE = """\
name: comparison
output: dataset
simulated: true
sources: [{csv: people/clips.csv}]
rights: {render_if: [any]}
splits: {by: column}
generators: [{name: warp-dense}, {name: warp-tps, mode: absolute, splits: [test]}]
features: {distances: float16}
workers: 1
"""
TRAIN = ["--generators", "sim-keypoint", "--batch", "16", "--drivers", "4", "--validate-every", "64", "--seed", "3"]
STEPS = [
    ["protocols", "list"],
    ["simulate", "cohort", "cohort", "--settings", "cohort.yaml", "--workers", "1"],
    ["train", "cohort", "cnn", *TRAIN, "--windows", "128", "--width", "16", "--input", "distances-centred"],
    ["train", "cohort", "signature", *TRAIN, "--windows", "64", "--method", "motion-signature"],
    ["evaluate", "cohort", "--checkpoint", "cnn", "--checkpoint", "signature", "--checkpoint",
     "pretrained:motion-signature", "--out", "report", "--stress", "quick"],
    ["embed", "cohort", "embeddings.parquet", "--checkpoint", "cnn"],
    ["compare", "cohort", "cnn", "pretrained:motion-signature"],
    ["simulate", "people", "people", "--settings", "people.yaml", "--workers", "1"],
    ["build", "recipe.yaml"],
    ["status", "recipe.yaml"],
    ["board", "demo", "board", "--workers", "1"],
]  # fmt: skip
# What may differ between two runs of the very same code: times, this machine, the place of the run.
VOLATILE = {"seconds", "created", "machine", "windows_per_second", "peak_memory", "at", "started", "finished", "wall"}


def main() -> int:
    """Runs both versions and prints what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ref", help="the version to compare with: a branch, tag or commit")
    parser.add_argument("--keep", type=Path, help="folder for both runs; what is there already is not run again")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nvfair-compare-") as temporary:
        folder = (args.keep or Path(temporary)).absolute()
        commit = subprocess.run(
            ["git", "rev-parse", f"{args.ref}^{{commit}}"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.strip()
        before, after = folder / "before", folder / "after"
        tree = Path(temporary) / "tree"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", tree, commit], cwd=ROOT, check=True)
        try:
            run(tree, before)
            run(ROOT, after)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=ROOT, check=True)
        return report(before, after)


def run(code: Path, folder: Path) -> None:
    """The fixed small run by the code in `code`, in `folder`; what an earlier call finished is not done again."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("cohort.yaml", COHORT), ("people.yaml", PEOPLE), ("recipe.yaml", RECIPE)):
        (folder / name).write_text(text)
    environment = os.environ | {"PYTHONPATH": str(code), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment |= {"PYTHONHASHSEED": "0", "NO_COLOR": "1", "COLUMNS": "200"}
    for number, words in enumerate(STEPS):
        output = folder / f"{number:02d}-{words[0]}.txt"
        if output.exists():
            continue
        print(f"{folder.name}: nvfair {' '.join(words)}", file=sys.stderr, flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "nvfair_tools", *words], cwd=folder, env=environment, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"nvfair {' '.join(words)} failed with the code in {code}:\n{done.stdout}\n{done.stderr}")
        output.write_text(done.stdout)


def report(before: Path, after: Path) -> int:
    """Prints what differs between the two runs; 1 where anything does."""
    names = sorted({path.relative_to(side).as_posix() for side in (before, after) for path in files(side)})
    differing = 0
    for name in names:
        old, new = before / name, after / name
        if not (old.exists() and new.exists()):
            print(f"{name}: only {'before' if old.exists() else 'after'}")
            differing += 1
        elif changes := list(differences(old, new)):
            differing += 1
            print(f"{name}: differs")
            for change in changes:
                print(f"    {change}")
    print(f"{len(names) - differing} of {len(names)} files are the same")
    return 1 if differing else 0


def files(folder: Path) -> Iterator[Path]:
    """The files that are compared: no logs, locks, pages and times."""
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix not in (".log", ".lock", ".html", ".zip") and "tensorboard" not in path.parts:
            yield path


def differences(old: Path, new: Path) -> Iterator[str]:
    """What differs between two files of one name, by what they hold."""
    if old.suffix == ".json":
        yield from json_differences(json.loads(old.read_text()), json.loads(new.read_text()), "")
    elif old.suffix in (".sqlite", ".db"):
        yield from json_differences(rows_of(old), rows_of(new), "")
    elif old.suffix == ".csv":
        yield from json_differences(csv_rows(old), csv_rows(new), "")
    elif old.suffix in (".txt", ".md"):
        left, right = (stable_lines(path) for path in (old, new))
        yield from (f"before: {line}" for line in left if line not in right)
        yield from (f"after:  {line}" for line in right if line not in left)
    elif digest(old) != digest(new):
        yield "other bytes"


def json_differences(old: Any, new: Any, where: str) -> Iterator[str]:
    """Every key with its value before and after, those left out that differ from run to run."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(set(old) | set(new)):
            if key in VOLATILE:
                continue
            if key not in old or key not in new:
                yield f"{where}.{key}: only {'before' if key in old else 'after'}"
            else:
                yield from json_differences(old[key], new[key], f"{where}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (left, right) in enumerate(zip(old, new, strict=True)):
            yield from json_differences(left, right, f"{where}[{number}]")
    elif old != new:
        yield f"{where}: {old!r} -> {new!r}"


def csv_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table as text."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def rows_of(path: Path) -> dict[str, Any]:
    """The rows of every table of a database, without times; columns that hold JSON as values."""
    result: dict[str, Any] = {}
    with sqlite3.connect(path) as database:
        database.row_factory = sqlite3.Row
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in sorted(tables):
            # A file's hash is remembered by its path and its time, which are this run's alone.
            rows = [
                row for row in map(dict, database.execute(f'SELECT * FROM "{table}"')) if row.get("stage") != "read"
            ]
            result[table] = [{key: as_value(value) for key, value in row.items()} for row in rows]
    return result


def as_value(text: Any) -> Any:
    """JSON as values, anything else as it is."""
    if isinstance(text, str) and text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def stable_lines(path: Path) -> list[str]:
    """Lines without those that name a time or a place."""
    return [
        line
        for line in path.read_text(encoding="utf-8").splitlines()
        if not any(word in line for word in ("second", "minute", "machine:", "/s", "/tmp"))
    ]


def digest(path: Path) -> str:
    """Hash of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
