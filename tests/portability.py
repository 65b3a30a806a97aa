"""Does the demo say the same on another machine? `python -m tests.portability` runs it as other machines would.

Other processors are imitated by the switches of the libraries. Each machine has a folder of its own: run it again after
an interruption, it goes on. Ends with a table of the headline, and with status 1 where it moves by more than 0.01.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

BOUND = 0.01


def instruction_sets() -> list[str]:
    """The instruction sets beyond the oldest that numpy uses on this processor, by its own names."""
    try:
        from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
    except ImportError:  # numpy 1
        from numpy.core._multiarray_umath import __cpu_dispatch__, __cpu_features__
    return [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]


def machines() -> dict[str, Mapping[str, str]]:
    """The machines that this one can imitate: name -> environment variables."""
    wide = " ".join(name for name in instruction_sets() if name.startswith(("AVX512", "X86_V4")))
    everything = " ".join(instruction_sets())
    return {
        "this machine": {},
        "one thread": {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        "two threads": {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
        "without AVX-512": {
            "OPENBLAS_CORETYPE": "Haswell",
            "NPY_DISABLE_CPU_FEATURES": wide,
            "ATEN_CPU_CAPABILITY": "avx2",
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        },
        "an older processor": {
            "OPENBLAS_CORETYPE": "Sandybridge",
            "NPY_DISABLE_CPU_FEATURES": everything,
            "ATEN_CPU_CAPABILITY": "default",
            "ONEDNN_MAX_CPU_ISA": "SSE41",
            "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        },
        "another mathematical library": {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F"},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/portability"))
    parser.add_argument("--small", action="store_true", help="the small demo: quick, and figures that mean nothing")
    options = parser.parse_args()
    headlines: dict[str, dict[str, float]] = {}
    for name, switches in machines().items():
        folder = options.folder / name.replace(" ", "-")
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "report" / "results.json").exists():
            print(f"{name}: {folder}", flush=True)
            words = [sys.executable, "-m", "nvfair_tools", "demo", str(folder), *(["--small"] if options.small else [])]
            with open(folder / "demo.log", "a", encoding="utf-8") as log:
                subprocess.run(words, env={**os.environ, **switches}, stdout=log, stderr=log, check=True)
        headlines[name] = headline(folder)
    cells = list(headlines["this machine"])
    worst = 0.0
    for cell in cells:
        values = {name: values[cell] for name, values in headlines.items()}
        spread = max(values.values()) - min(values.values())
        worst = max(worst, spread)
        print(f"{cell}: " + ", ".join(f"{value:.4f} ({name})" for name, value in values.items()))
    print(f"the headline differs by at most {worst:.4f} between machines; {BOUND} is allowed")
    return int(worst > BOUND)


def headline(folder: Path) -> dict[str, float]:
    """The mean AUC over people of the demo's own network, by generator, and their mean."""
    from benchmark.evaluation.results import read_results
    from nvfair_tools.cli.demo import METHOD

    results = read_results(folder / "report" / "results.json")
    own = [cell for cell in results.cells if cell.method == METHOD]
    aucs = {cell.generator: float(cell.figures.auc_mean.value) for cell in own}
    return {**aucs, "mean of the generators": sum(aucs.values()) / len(aucs)}


if __name__ == "__main__":
    raise SystemExit(main())
