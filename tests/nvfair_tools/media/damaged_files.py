"""Small clips of several containers and codecs, and a seeded generator of damages to their bytes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nvfair_tools.media.encoding import ffmpeg_binary

FRAMES = 48
Rng = np.random.Generator

# Name of the file -> options of ffmpeg's encoder. Key frames every 12 frames, as recordings have several.
_GOP = ("-g", "12")
CLIPS = {
    "h264.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p", *_GOP),
    "h264-start.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p", *_GOP, "-movflags", "+faststart"),
    "h264-parts.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p", *_GOP, "-movflags", "+frag_keyframe+empty_moov"),
    "mpeg4.mov": ("-c:v", "mpeg4", "-q:v", "4", *_GOP),
    "h264.mkv": ("-c:v", "libx264", "-pix_fmt", "yuv420p", *_GOP),
    "vp8.webm": ("-c:v", "libvpx", "-b:v", "400k", "-deadline", "realtime", "-cpu-used", "8", *_GOP),
    "mpeg4.avi": ("-c:v", "mpeg4", "-q:v", "4", *_GOP),
    "mjpeg.avi": ("-c:v", "mjpeg", "-q:v", "4", "-pix_fmt", "yuvj420p"),
    "h264.ts": ("-c:v", "libx264", "-pix_fmt", "yuv420p", *_GOP),
    "mpeg2.ts": ("-c:v", "mpeg2video", "-q:v", "4", *_GOP),
}


def make_clips(folder: Path) -> dict[str, bytes]:
    """The undamaged files: 48 frames of 96 × 96 pixels with noise each, and no sound."""
    made = {}
    for name, options in CLIPS.items():
        source = f"testsrc2=size=96x96:rate=25,noise=alls=12:all_seed=3,trim=end_frame={FRAMES}"
        command = [ffmpeg_binary(), "-v", "error", "-y", "-f", "lavfi", "-i", source, "-threads", "1", *options]
        subprocess.run([*command, str(folder / name)], check=True, capture_output=True)
        made[name] = (folder / name).read_bytes()
    return made


@dataclass(frozen=True)
class Damage:
    """A damaged file. clip: the name of the file that it was made from. kind: the name of the damage."""

    clip: str
    kind: str
    content: bytes


def make_damage(clips: dict[str, bytes], seed: int, number: int) -> Damage:
    """Damage `number` of the seed. Equal seeds give equal damages of equal files; clips and kinds take turns."""
    rng = np.random.default_rng([seed, number])
    clip = sorted(clips)[number % len(clips)]
    kind = sorted(DAMAGES)[number // len(clips) % len(DAMAGES)]
    return Damage(clip, kind, DAMAGES[kind](rng, clips[clip]))


def _part(rng: Rng, content: bytes, share: float = 0.3) -> tuple[int, int]:
    """Start and end of a part of at most `share` of the file."""
    length = int(rng.integers(1, max(2, int(len(content) * share))))
    start = int(rng.integers(len(content) - length))
    return start, start + length


def _flip_bytes(rng: Rng, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 40))):
        changed[int(rng.integers(len(changed)))] = int(rng.integers(256))
    return bytes(changed)


def _flip_bit(rng: Rng, content: bytes) -> bytes:
    changed = bytearray(content)
    changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _truncate(rng: Rng, content: bytes) -> bytes:
    return content[: int(rng.integers(len(content)))]


def _cut_out(rng: Rng, content: bytes) -> bytes:
    start, end = _part(rng, content)
    return content[:start] + content[end:]


def _duplicate(rng: Rng, content: bytes) -> bytes:
    start, end = _part(rng, content)
    return content[:end] + content[start:]


def _zero_range(rng: Rng, content: bytes) -> bytes:
    start, end = _part(rng, content)
    return content[:start] + bytes(end - start) + content[end:]


def _random_range(rng: Rng, content: bytes) -> bytes:
    start, end = _part(rng, content)
    return content[:start] + rng.bytes(end - start) + content[end:]


def _swap_halves(rng: Rng, content: bytes) -> bytes:
    at = int(rng.integers(1, len(content)))
    return content[at:] + content[:at]


def _random_header(rng: Rng, content: bytes) -> bytes:
    length = int(rng.integers(1, 256))
    return rng.bytes(length) + content[length:]


def _insert(rng: Rng, content: bytes) -> bytes:
    at = int(rng.integers(len(content)))
    return content[:at] + rng.bytes(int(rng.integers(1, 500))) + content[at:]


def _large_number(rng: Rng, content: bytes) -> bytes:
    """A size or a count that says four bytes of ones, as attacks on parsers do."""
    at = int(rng.integers(min(len(content), 4000)))
    return content[:at] + b"\xff\xff\xff\xff" + content[at + 4 :]


DAMAGES: dict[str, Callable[[Rng, bytes], bytes]] = {
    "bytes changed": _flip_bytes,
    "a bit changed": _flip_bit,
    "the end missing": _truncate,
    "a part missing": _cut_out,
    "a part twice": _duplicate,
    "a part of zeros": _zero_range,
    "a part of noise": _random_range,
    "halves swapped": _swap_halves,
    "a header of noise": _random_header,
    "noise inserted": _insert,
    "a number too large": _large_number,
}
