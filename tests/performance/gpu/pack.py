"""`make gpu-pack`: gathers what a machine with a card lacks into one folder of the tree, which git ignores.

The golden files come from the test material beside the checkout; the wheels (for Python 3.12 on Linux, x86-64) are
those of packages that our code cannot do without and that a machine made for torch may not have.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.performance.gpu.material import EVERY, FILES, GOLDENS, PACK, WHEELS, shared_folder

LIMIT = 40 * 2**20
EXPECTED = ("pydantic>=2.7", "lazy-loader>=0.4", "PyYAML>=6")
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


def main() -> int:
    """Gathers both and prints what is there; 1 where something could not be had, or the folder is too large."""
    problems = [problem for problem in (_goldens(shared_folder() / "generators"), _wheels()) if problem]
    files = sorted(path for path in PACK.rglob("*") if path.is_file())
    total = sum(path.stat().st_size for path in files)
    for path in files:
        print(f"{path.stat().st_size / 2**20:6.2f} MiB  {path.relative_to(PACK)}")
    print(f"{total / 2**20:6.2f} MiB in all, of at most {LIMIT / 2**20:.0f}: copy {PACK.name}/ along with the tree")
    if total > LIMIT:
        problems.append(f"{PACK} is larger than {LIMIT / 2**20:.0f} MiB: what would travel may be refused")
    for problem in problems:
        print(problem, file=sys.stderr)
    return int(bool(problems))


def _goldens(source: Path) -> str:
    """Copies the golden files; says what is missing."""
    names = sorted({EVERY, *(name for needed in FILES.values() for name in needed)})
    absent = [name for name in names if not (source / name).is_file()]
    if absent:
        return f"no goldens: {source} lacks {', '.join(absent)}; NVFAIR_SHARED may name another folder"
    GOLDENS.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copyfile(source / name, GOLDENS / name)  # the originals may be read-only, and copies must not be
    return ""


def _wheels() -> str:
    """Downloads the wheels with all they need; says why that failed."""
    shutil.rmtree(WHEELS, ignore_errors=True)
    WHEELS.mkdir(parents=True)
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
    command += ["--python-version", "3.12", "--implementation", "cp", *platforms, "--dest", str(WHEELS), *EXPECTED]
    done = subprocess.run(command, capture_output=True, text=True)
    return "" if done.returncode == 0 else f"no wheels of {', '.join(EXPECTED)}: {done.stderr.strip()[-600:]}"


if __name__ == "__main__":
    sys.exit(main())
