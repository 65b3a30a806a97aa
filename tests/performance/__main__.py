"""Runs benchmarks one after the other, each in a process of its own.

python -m tests.performance                       all, at sizes that take some minutes
python -m tests.performance lia tps               these only
python -m tests.performance lia -- --frames 4     and with options of their own
python -m tests.performance --list
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import subprocess
import sys
import time
from pathlib import Path

from tests.performance.measure import machine

FOLDER = Path(__file__).parent
LIMIT = 600.0
# Where a benchmark's own defaults take minutes: the same figures from fewer repetitions.
SHORT = {
    "face_vid2vid": ["--targets", "2", "--frames", "3", "--naive-frames", "1"],
    "lia": ["--targets", "2", "--frames", "8"],
}
PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "opencv-contrib-python", "mediapipe", "av")


def names() -> list[str]:
    """The benchmarks there are."""
    return sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))


def main(arguments: list[str] | None = None) -> int:
    """Prints a header, then each benchmark's own output; returns how many failed."""
    supplied = sys.argv[1:] if arguments is None else arguments
    place = supplied.index("--") if "--" in supplied else len(supplied)
    own, passed = supplied[:place], supplied[place + 1 :]
    parser = argparse.ArgumentParser(
        prog="python -m tests.performance", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names()))
    parser.add_argument("--list", action="store_true", help="name the benchmarks and stop")
    parser.add_argument("--limit", type=float, default=LIMIT, metavar="SECONDS", help="for one benchmark (%(default)s)")
    parser.add_argument("--whole", action="store_true", help="every benchmark at its own default size")
    options = parser.parse_args(own)
    unknown = sorted(set(options.names) - set(names()))
    if unknown:
        parser.error(f"no benchmark is called {unknown}; there are {names()}")
    if options.list:
        print("\n".join(names()))
        return 0
    print(json.dumps({**machine(), "versions": versions()}), flush=True)
    failed = []
    for name in options.names or names():
        extra = passed or ([] if options.whole else SHORT.get(name, []))
        command = [sys.executable, "-m", f"tests.performance.bench_{name}", *extra]
        print(f"\n== {name} {' '.join(extra)}".rstrip(), flush=True)
        start = time.perf_counter()
        try:
            status = subprocess.run(command, timeout=options.limit, cwd=FOLDER.parents[1]).returncode
        except subprocess.TimeoutExpired:
            status = None
        outcome = "stopped at the limit" if status is None else f"exit status {status}" if status else "done"
        print(f"-- {name}: {outcome} after {time.perf_counter() - start:.0f} s", flush=True)
        if status != 0:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


def versions() -> dict[str, str | None]:
    """Of what the timings depend on, beside torch and Python."""
    result: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            result[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            result[package] = None
    return result


if __name__ == "__main__":
    sys.exit(main())
