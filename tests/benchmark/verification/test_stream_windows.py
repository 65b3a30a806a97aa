"""Windows of a growing track are those that the benchmark cuts from the whole one."""

import numpy as np
import pytest

from benchmark.protocols.schema import Protocol
from benchmark.verification.stream_windows import SourceFrame, WindowStream
from benchmark.windows.cutting import cut_video
from nvfair_tools.errors import NvfairError


def protocol(**changes: object) -> Protocol:
    return Protocol(name="test", **changes)


def stream(times: np.ndarray, valid: np.ndarray, points: np.ndarray, rules: Protocol, reason: str = "no_face"):
    windows = WindowStream(rules)
    cut = []
    for time, is_valid, row in zip(times, valid, points, strict=True):
        if windows.needs_more:
            cut += windows.push(SourceFrame(time, row if is_valid else None, "" if is_valid else reason))
    return [*cut, *windows.finish()]


@pytest.mark.parametrize("fps", [10, 24, 25, 30000 / 1001, 30, 50, 60])
@pytest.mark.parametrize("gaps", [(), ((3, 4),), ((40, 43),), ((40, 70),), ((0, 20), (150, 152)), ((190, 200),)])
def test_windows_are_those_of_the_whole_track(fps: float, gaps: tuple[tuple[int, int], ...]) -> None:
    random = np.random.default_rng(1)
    times = np.arange(200) / fps
    points = random.normal(size=(200, 126, 2)).astype(np.float32)
    valid = np.ones(200, dtype=bool)
    for first, last in gaps:
        valid[first:last] = False
    rules = protocol()
    whole = cut_video("v", (points, valid, times), rules.time, rules.missing)
    cut = stream(times, valid, points, rules)
    whole_windows = [window for window in cut if window.points is not None]
    assert [round(window.start * 30) for window in whole_windows] == whole.starts.tolist()
    assert len(cut) - len(whole_windows) == whole.windows_lost
    for window, start in zip(whole_windows, whole.starts, strict=True):
        np.testing.assert_allclose(window.points, whole.landmarks[start : start + 71], rtol=0, atol=1e-5)
    assert all(window.reason == "no_face" for window in cut if window.points is None)


def test_windows_come_as_soon_as_they_are_whole_and_nothing_else_is_kept() -> None:
    rules = protocol()
    windows = WindowStream(rules)
    row = np.zeros((126, 2), np.float32)
    ends = [n for n in range(3000) for _ in windows.push(SourceFrame(n / 30, row))]
    assert ends[:3] == [70, 105, 140]
    assert len(windows._rows) <= 71
    assert len(windows._sources) <= 80


def test_a_second_face_in_more_than_a_tenth_of_the_frames_costs_the_window() -> None:
    row = np.zeros((126, 2), np.float32)
    for crowded, reason in ((7, ""), (8, "several_faces")):
        windows = WindowStream(protocol())
        cut = [w for n in range(71) for w in windows.push(SourceFrame(n / 30, row, crowded=n < crowded))]
        assert [window.reason for window in cut] == [reason]


def test_a_protocol_of_the_first_seconds_sees_no_more() -> None:
    rules = protocol(time={"seconds": 4.0})
    times = np.arange(300) / 30
    points = np.zeros((300, 126, 2), np.float32)
    whole = cut_video("v", (points, np.ones(300, bool), times), rules.time, rules.missing)
    assert len(stream(times, np.ones(300, bool), points, rules)) == len(whole.starts) == 2


def test_a_protocol_that_fills_up_short_videos_is_refused() -> None:
    with pytest.raises(NvfairError, match="fills up short videos"):
        WindowStream(protocol(missing={"short_videos": "mirror"}))
