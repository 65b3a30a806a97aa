"""The number format of a network generator, where the recipe leaves it to the machine or asks for the slower one."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generators.registry import create
from nvfair_tools import __version__
from nvfair_tools.files import write_text
from nvfair_tools.pipeline.items import item_id
from nvfair_tools.pipeline.machine import MEASUREMENTS, machine_text

if TYPE_CHECKING:
    from generators.number_format import FormatSpeeds


def format_speeds(name: str, options: Mapping[str, Any], *, cache: Path | None = None) -> FormatSpeeds:
    """How fast a generator renders here in each number format: measured once, then read.

    options: keyword arguments of its factory, without `dtype`. cache: folder of measurements (default: MEASUREMENTS).
    The measurement is kept for each machine, device, version of torch, generator and its options; it takes as long as a
    few frames. Raises GeneratorError where the generator cannot be created.
    """
    from generators.number_format import FormatSpeeds, measure_formats

    folder = MEASUREMENTS.expanduser() if cache is None else cache
    stored = folder / f"{_key(name, options)}.json"
    if stored.exists():
        return FormatSpeeds(**json.loads(stored.read_text(encoding="utf-8")))
    speeds = measure_formats(lambda dtype: create(name, **options, dtype=dtype))
    write_text(stored, json.dumps(asdict(speeds)))
    return speeds


def _key(name: str, options: Mapping[str, Any]) -> str:
    from generators.number_format import device_text

    return item_id(
        "number format",
        machine=[platform.node(), machine_text()],
        device=device_text(options.get("device", "auto")),
        version=__version__,
        generator=name,
        options={key: value for key, value in options.items() if key != "device"},
    )
