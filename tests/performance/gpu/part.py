"""One part in a process of its own: a JSON line for each measurement as it ends.

python -m tests.performance.gpu.part NAME --device cuda
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import traceback
from typing import Any

from tests.performance.gpu.plan import chosen
from tests.performance.gpu.sizes import of_device


def main(arguments: list[str] | None = None) -> int:
    """Runs one part; 1 where it, or a measurement of it, failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--device", required=True)
    options = parser.parse_args(arguments)
    (part,) = chosen([options.name])
    failed = False
    try:
        module = importlib.import_module(f"tests.performance.gpu.{part.module}")
        for facts in module.run(options.device, of_device(options.device), part.about):
            failed |= facts.get("state") == "failed"
            say({"part": part.name, **facts})
    except Exception as error:  # noqa: BLE001 - whatever it is, the card's minutes go on
        say({"part": part.name, "state": "failed", "error": tail_of(error)})
        failed = True
    return int(failed)


def say(facts: dict[str, Any]) -> None:
    """One line, at once."""
    print(json.dumps(facts, default=str), flush=True)


def tail_of(error: BaseException, lines: int = 6) -> str:
    """The end of an error's traceback."""
    text = "".join(traceback.format_exception(error)).strip()
    return "\n".join(text.splitlines()[-lines:])[-1500:]


if __name__ == "__main__":
    sys.exit(main())
