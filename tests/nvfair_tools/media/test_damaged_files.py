"""Damaged videos never hang or crash a reader, stay within its memory, and never pass for whole."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from leaderboard.submission.sandbox import BoundedChild
from nvfair_tools.media import MediaError, decode, probe
from nvfair_tools.media.encoding import ffmpeg_binary
from tests.nvfair_tools.media.damaged_files import CLIPS, FRAMES, make_clips, make_damage

SEED = 5
MEMORY_MB = 1500
SECONDS = 60.0  # of wall-clock time on a machine that may be busy with much else
# What ffmpeg's decoders say where a transport stream begins between two key frames, as recordings of broadcasts do.
_BEGINS_BETWEEN_KEY_FRAMES = (
    "first frame is no keyframe", "Invalid frame dimensions 0x0", "Last message repeated",
    "non-existing PPS 0 referenced", "no frame!", "co located POCs unavailable",
)  # fmt: skip


class MediaReader:
    """What curating and benchmarking do with a video, in a child process."""

    def read(self, path: Path) -> tuple[str, int]:
        """(cause of the error, or "" for a whole file; number of frames)."""
        cause, frames = self._probe(path)
        decode_cause, decoded = self._decode(path)
        assert (cause, frames) == (decode_cause, decoded), (cause, frames, decode_cause, decoded)
        return cause, frames

    def _probe(self, path: Path) -> tuple[str, int]:
        try:
            info = probe(path)
        except MediaError as error:
            return error.cause, error.frames
        return info.problem, info.frames

    def _decode(self, path: Path) -> tuple[str, int]:
        frames = 0
        try:
            for _ in decode(path):
                frames += 1
        except MediaError as error:
            return error.cause, error.frames
        return "", frames


def decode_by_ffmpeg(path: Path) -> tuple[int, list[str]]:
    """(number of frames, errors) of ffmpeg's own program."""
    command = [ffmpeg_binary(), "-v", "error", "-threads", "1", "-i", str(path), "-map", "0:v:0"]
    command += ["-fps_mode", "passthrough", "-f", "framemd5", "-"]
    done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    errors = [
        line
        for line in done.stderr.decode(errors="replace").splitlines()
        if line.strip() and not (path.suffix == ".ts" and any(words in line for words in _BEGINS_BETWEEN_KEY_FRAMES))
    ]
    errors += [f"status {done.returncode}"] if done.returncode else []
    return sum(1 for line in done.stdout.splitlines() if line and not line.startswith(b"#")), errors


def read_damaged(folder: Path, count: int, first: int = 0) -> dict[str, Any]:
    """Reads `count` damaged files; returns what was counted and measured. Fails at the first that passes for whole."""
    clips = make_clips(folder)
    counts: Counter[str] = Counter()
    slowest, shorter = (0.0, ""), []
    child = BoundedChild(MediaReader, MEMORY_MB, calls=10_000)
    try:
        for name in clips:
            assert child.call("read", folder / name, seconds=SECONDS) == ("", FRAMES), name
        for number in range(first, first + count):
            damage = make_damage(clips, SEED, number)
            label = f"damage {number}, {damage.clip}: {damage.kind}"
            path = folder / f"damaged{Path(damage.clip).suffix}"
            path.write_bytes(damage.content)
            start = time.monotonic()
            # A crash, a hang or too much memory raises LimitReached; any exception but MediaError raises Fault.
            cause, frames = child.call("read", path, seconds=SECONDS)
            slowest = max(slowest, (time.monotonic() - start, label))
            counts[cause or "whole"] += 1
            if not cause:
                frames_by_ffmpeg, errors = decode_by_ffmpeg(path)
                assert not errors, f"{label} passed for whole, but ffmpeg says: {errors[0]}"
                assert frames == frames_by_ffmpeg, f"{label}: {frames} frames, but ffmpeg reads {frames_by_ffmpeg}"
                shorter += [label] if frames < FRAMES else []
    finally:
        child.stop()
    return {"counts": dict(counts), "slowest": slowest, "shorter without any sign": shorter}


def test_damaged_files_are_refused_or_are_whole(tmp_path: Path) -> None:
    done = read_damaged(tmp_path, 2 * len(CLIPS))
    assert done["counts"].get("corrupt", 0) > 5, done


def test_known_losses_of_a_demuxer_are_noticed(tmp_path: Path) -> None:
    """Parts of Matroska and AVI files that ffmpeg skips without failing."""
    clips = make_clips(tmp_path)
    for name in ("vp8.webm", "h264.mkv", "mpeg4.avi"):
        content = clips[name]
        middle = len(content) // 2
        path = tmp_path / f"hole{Path(name).suffix}"
        path.write_bytes(content[: middle - 3000] + bytes(6000) + content[middle + 3000 :])
        assert MediaReader().read(path)[0] == "corrupt", name
        path.write_bytes(content[: middle - 3000] + content[middle + 3000 :])
        assert MediaReader().read(path)[0] in ("corrupt", "truncated"), name


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_five_hundred_damaged_files_are_refused_or_are_whole(tmp_path: Path) -> None:
    done = read_damaged(tmp_path, 500, first=1000)
    print(json.dumps(done, indent=1))
    assert sum(done["counts"].values()) == 500
    # Only an end or a start that is missing from a transport stream, and a table of an mp4 that was changed to another
    # good one, leave no sign.
    assert len(done["shorter without any sign"]) <= 15, done
