"""A run's summary: the figures beside what they should be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.performance.gpu.lines import Line, Lines

FRAMES_A_SECOND = {"lia": 600, "tps": 600, "face-vid2vid": 200}
EPOCH_HOURS = 1.0
# All of NVFAIR: its synthetic videos by three generators, with the 71 frames that its protocols look at.
VIDEOS, FRAMES_A_VIDEO, GPU_HOURS = 650_000, 71, 48.0
NOT_RUN = "not run"


def summary(lines: Lines) -> str:
    """A table: what, measured, aim, and whether it is reached."""
    rows = [("what", "measured", "aim", "reached"), *_rows(lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _rows(lines: Lines) -> Iterable[tuple[str, str, str, str]]:
    fastest = {name: _fastest(lines, name) for name in FRAMES_A_SECOND}
    for name, aim in FRAMES_A_SECOND.items():
        best = fastest[name]
        figure = f"{best['frames_per_s']} ({best['dtype']}, {best['frames_a_call']} a call)" if best else NOT_RUN
        yield f"{name}, frames/s", figure, f">= {aim}", _reached(best and best["frames_per_s"] >= aim)
    epoch = min(lines.of("training step", frames="stream"), key=_epoch, default=None)
    hours = None if epoch is None else _epoch(epoch) / 3600
    yield (
        "an NVFAIR-sized epoch, hours (projected)",
        NOT_RUN if hours is None else f"{hours:.2f} (width {(epoch or {})['width']})",
        f"< {EPOCH_HOURS:g}",
        _reached(None if hours is None else hours < EPOCH_HOURS),
    )
    everything = None
    if hours is not None and all(fastest.values()):
        rendered = sum(VIDEOS / 3 * FRAMES_A_VIDEO / best["frames_per_s"] for best in fastest.values() if best)
        everything = rendered / 3600 + hours
    yield (
        f"{VIDEOS:,} videos of {FRAMES_A_VIDEO} frames and an epoch, GPU-hours (projected)",
        NOT_RUN if everything is None else f"{everything:.1f}",
        f"<= {GPU_HOURS:g}",
        _reached(None if everything is None else everything <= GPU_HOURS),
    )
    waits = [line[key] for line in lines.made for key in line if key.startswith("host_waits")]
    if set(waits) == {"not watched"}:
        waits = []
    yield (
        "the host waits within a frame or step loop",
        ("nowhere" if set(waits) == {"none"} else "; ".join(sorted(set(waits) - {"none"}))) if waits else NOT_RUN,
        "nowhere",
        _reached(set(waits) == {"none"} if waits else None),
    )
    for measured in ("golden", "embedding", "scoring", "kill and resume", "CPU and device", "test"):
        states = [line["state"] for line in lines.of(measured)]
        passed = states.count("passed")
        yield (
            measured,
            f"{passed} of {len(states)} passed" if states else NOT_RUN,
            "all",
            _reached(passed == len(states) if states else None),
        )


def _fastest(lines: Lines, name: str) -> Line | None:
    measured = (line for line in lines.of("all pairs", generator=name) if "frames_per_s" in line)
    return max(measured, key=lambda line: line["frames_per_s"], default=None)


def _epoch(line: Line) -> float:
    return float(line["nvfair_epoch_s"])


def _reached(value: Any) -> str:
    return "" if value is None else "yes" if value else "no"
