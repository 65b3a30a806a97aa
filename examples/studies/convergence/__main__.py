"""The study's command; run it again after an interruption, it goes on.

python -m examples.studies.convergence FOLDER --worlds world1 world2
python -m examples.studies.convergence FOLDER --worlds world1 --size full --jobs 10 --seconds 220 --out OUT
python -m examples.studies.convergence FOLDER --tables      # of what is there
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from examples.studies.convergence.plan import METHODS, REASONS, SIZES, parse_methods, study_runs
from examples.studies.convergence.plot import plot_curves
from examples.studies.convergence.rankings import ranking_tables
from examples.studies.convergence.runs import Workplace, read_results
from examples.studies.convergence.study import FAILED, run_study, stop_time
from examples.studies.convergence.tables import page_tables, write_between_markers
from nvfair_tools.errors import user_message
from nvfair_tools.files import make_folder, write_text


def main(arguments: list[str] | None = None) -> int:
    """Makes the runs, prints the tables; 1 where a run failed, 2 for a mistake of the user."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.studies.convergence",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of cohorts and trainings")
    parser.add_argument("--worlds", nargs="+", default=["world1"], metavar="WORLD", help="names, or YAML files")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=[], metavar="METHOD", help=f"of {', '.join(METHODS)}")
    parser.add_argument(
        "--reasons", nargs="*", default=[], metavar="WORLD", help="worlds for which reasons are isolated one by one"
    )
    parser.add_argument("--reason-seeds", type=int, help="seeds of these (as many as --seeds)")
    parser.add_argument("--only-reasons", nargs="+", default=list(REASONS), choices=REASONS, metavar="REASON")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time, each a process with one thread")
    parser.add_argument("--seconds", type=float, help="for everything; what is unfinished then goes on in a later call")
    parser.add_argument("--out", type=Path, help="folder of curves and results (FOLDER/out)")
    parser.add_argument("--device", default="auto", help="cpu, cuda, or auto")
    parser.add_argument("--tables", action="store_true", help="make no run")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables between the markers of this page")
    parser.add_argument("--picture", type=Path, metavar="SVG", help="of the learning curves (OUT/curves.svg)")
    options = parser.parse_args(arguments)
    out = options.out or options.folder / "out"
    try:
        counts = {FAILED: 0}
        if not options.tables:
            size = SIZES[options.size]
            place = Workplace(options.folder, make_folder(out), options.device, stop_time(options.seconds))
            methods = parse_methods(options.methods)
            runs = study_runs(
                options.worlds,
                size,
                options.seeds,
                methods,
                options.reasons,
                options.only_reasons,
                options.reason_seeds or options.seeds,
            )
            counts = run_study(runs, place, options.jobs, lambda line: print(line, flush=True))
        report(out, options.write, options.picture or out / "curves.svg")
    except Exception as error:
        message = user_message(error)
        if message is None:
            raise
        print(message, file=sys.stderr)
        return 2
    return int(counts[FAILED] > 0)


def report(out: Path, page: Path | None, picture: Path) -> None:
    """Prints the tables of the results in `out`, writes them to its tables.md, and draws the learning curves."""
    results = read_results(out)
    text = "".join(f"{table}\n\n" for table in ranking_tables(results)) + page_tables(results)
    write_text(out / "tables.md", text)
    print(text)
    if page is not None:
        write_between_markers(page, text)
    print(plot_curves(out, results, picture))


if __name__ == "__main__":
    sys.exit(main())
