"""One part in a process of its own: a JSON line for each measurement as it ends.

python -m tests.performance.gpu.part NAME --device cuda --seconds 60

Each line says `at` how many seconds after the process's start it came.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
import traceback
from dataclasses import replace
from typing import Any

from tests.performance.gpu.plan import chosen
from tests.performance.gpu.sizes import of_device

STARTED = time.monotonic()


def main(arguments: list[str] | None = None) -> int:
    """Runs one part; 1 where it, or a measurement of it, failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--device", required=True)
    parser.add_argument("--seconds", type=float, default=600.0, help="after which it is stopped (%(default)s)")
    options = parser.parse_args(arguments)
    (part,) = chosen([options.name])
    failed = False
    try:
        module = importlib.import_module(f"tests.performance.gpu.{part.module}")
        sizes = of_device(options.device)
        sizes = replace(sizes, seconds=options.seconds - (time.monotonic() - STARTED))
        for facts in module.run(options.device, sizes, part.about):
            failed |= facts.get("state") == "failed"
            say({"part": part.name, **facts})
    except Exception as error:  # noqa: BLE001 - whatever it is, the card's minutes go on
        say({"part": part.name, "state": "failed", "error": tail_of(error)})
        failed = True
    return int(failed)


def say(facts: dict[str, Any]) -> None:
    """One line, at once."""
    line = {**facts, "at": round(time.monotonic() - STARTED, 1)}
    print(json.dumps(line, default=str), file=sys.__stdout__, flush=True)


def tail_of(error: BaseException, lines: int = 6) -> str:
    """The end of an error's traceback."""
    text = "".join(traceback.format_exception(error)).strip()
    return "\n".join(text.splitlines()[-lines:])[-1500:]


if __name__ == "__main__":
    sys.exit(main())
