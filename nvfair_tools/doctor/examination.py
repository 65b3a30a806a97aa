"""The whole examination: Python, packages, machine, and the tools of the extras that are installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from nvfair_tools.doctor.finding import MachineFinding
from nvfair_tools.doctor.machine import check_folders, check_machine
from nvfair_tools.doctor.packages import check_extras, check_python, installed
from nvfair_tools.doctor.tools import (
    check_card,
    check_face_networks,
    check_landmarker,
    check_video,
    check_weights,
    measurements_folder,
    weights_folder,
)


def examine(output: str | Path = ".") -> Iterator[MachineFinding]:
    """Looks at everything, one finding at a time; what belongs to an extra that is not installed is left out.

    output: where data sets are to be built, for the disk. Nothing is written, and nothing asks the network.
    """
    yield check_python()
    yield from check_extras()
    yield from check_machine(Path(output))
    for extras, check in _CHECKS:
        if any(installed(extra) for extra in extras):
            findings = check()
            yield from [findings] if isinstance(findings, MachineFinding) else findings


_CHECKS: tuple[tuple[tuple[str, ...], Callable[[], MachineFinding | Iterable[MachineFinding]]], ...] = (
    (("media",), check_video),
    (("curate",), check_landmarker),
    (("curate",), check_face_networks),
    (("render", "train"), check_card),
    (("render",), check_weights),
    (("render",), lambda: check_folders(weights_folder())),
    (("curate",), lambda: check_folders(measurements_folder())),
)
