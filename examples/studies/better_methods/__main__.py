"""The study's command; run it again after an interruption, it goes on.

python -m examples.studies.better_methods FOLDER --worlds life-mixed life-six
python -m examples.studies.better_methods FOLDER --tables --write PAGE     # of what is there
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from examples.studies.better_methods.plan import SIZES, study_runs
from examples.studies.better_methods.runs import make_run, read_cells
from examples.studies.better_methods.tables import BEGIN, END, METHODS, page_tables
from nvfair_tools.errors import NvfairError, user_message
from nvfair_tools.files import make_folder, write_text


def main(arguments: list[str] | None = None) -> int:
    """Makes the runs and prints the tables; 2 for a mistake of the user."""
    parser = argparse.ArgumentParser(prog="python -m examples.studies.better_methods", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of cohorts, trainings and results")
    parser.add_argument("--worlds", nargs="+", default=["life-mixed"], metavar="WORLD", help="names, or YAML files")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--tables", action="store_true", help="make no run")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables between the markers of this page")
    options = parser.parse_args(arguments)
    try:
        if not options.tables:
            runs = list(study_runs(options.worlds, SIZES[options.size], options.seeds, options.methods))
            for number, run in enumerate(runs, start=1):
                print(f"{number} of {len(runs)}  {make_run(make_folder(options.folder), run)}", flush=True)
        text = page_tables(read_cells(options.folder))
        print(text)
        if options.write is not None:
            write_between_markers(options.write, text)
    except Exception as error:
        message = user_message(error)
        if message is None:
            raise
        print(message, file=sys.stderr)
        return 2
    return 0


def write_between_markers(page: Path, text: str) -> None:
    """Puts `text` between the markers of a page; NvfairError where it has none."""
    content = page.read_text(encoding="utf-8")
    if BEGIN not in content or END not in content:
        raise NvfairError("the page lacks the markers of the tables", where=page, expected=f"{BEGIN} ... {END}")
    before, after = content.split(BEGIN)[0], content.split(END)[1]
    write_text(page, f"{before}{BEGIN}\n{text}{END}{after}")


if __name__ == "__main__":
    sys.exit(main())
