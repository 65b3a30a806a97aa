"""`make gpu`: everything a card is for, measured and checked in five minutes.

python -m tests.performance.gpu                          on the card, all parts
python -m tests.performance.gpu lia tps                  these only
python -m tests.performance.gpu --device cpu             the very same script at a small size
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from nvfair_tools.quantities import count_text
from tests.performance.gpu.aims import summary
from tests.performance.gpu.lines import FILE, Lines
from tests.performance.gpu.plan import WHOLE, chosen
from tests.performance.gpu.runner import run_parts

# A CPU that others use too may take this many times as long at the small size.
CPU_PATIENCE = 20.0


def main(arguments: list[str] | None = None) -> int:
    """Runs the parts and prints the summary; 1 where one failed, 2 where nothing could be run."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.performance.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="names or groups; all where none is given")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--out", type=Path, default=Path("build/gpu"), help=f"folder of {FILE} (%(default)s)")
    parser.add_argument("--seconds", type=float, help=f"for everything ({WHOLE:g} on a card)")
    options = parser.parse_args(arguments)
    try:
        parts = chosen([word for words in options.parts for word in words.replace(",", " ").split()])
    except ValueError as error:
        parser.error(str(error))
    problem = missing(options.device)
    if problem:
        print(f"nothing was run: {problem}", file=sys.stderr)
        return 2
    patience = 1.0 if options.device == "cuda" else CPU_PATIENCE
    lines = Lines(options.out)
    failed = run_parts(parts, options.device, lines, options.seconds or WHOLE * patience, patience)
    if options.device == "cpu":
        print("\nAt a small size on a CPU, where no figure below says anything about a card:")
    print("\n" + summary(lines), flush=True)
    if failed:
        print(f"\n{count_text(failed, 'part')} failed; every line is in {lines.path}", file=sys.stderr)
    return int(failed > 0)


def missing(device: str) -> str:
    """What this Python lacks for a run on the device, with the remedy; "" where there is nothing."""
    try:
        import torch  # also reads it from the disk, which on a fresh machine takes longer than a part may
    except ImportError:
        return f"{sys.executable} has no torch; name a Python that has: make gpu GPU_PYTHON=..."
    if device == "cuda" and not torch.cuda.is_available():
        return f"torch {torch.__version__} sees no GPU here; `make gpu DEVICE=cpu` runs the same script without one"
    return ""


if __name__ == "__main__":
    sys.exit(main())
