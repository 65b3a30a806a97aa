"""How much each part does: on a card enough to fill it, on a CPU just enough to run every line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """What a part takes of each.

    matrix: side of the square products. copied: bytes of a copy on the device; sent: to it and back. repeats: of a
    timing. windows: that training draws from, so many to a batch by so many drivers; steps: timed in one go, in so
    many rounds. widths: of the temporal CNN, the baseline's first. pairs: (targets, driving frames); calls: a small
    number of frames a call. narrow: whether networks are small ones of the published structure. goldens: the
    generators held against theirs; golden_frames: of each clip (0: all, in every mode and precision). videos:
    embedded; clips: share of NVFAIR's clips a person that are scored. trained: windows of the small training that is
    killed. large: operations of a frame beyond which all pairs are rendered once a precision, and nothing else of
    float32 is measured. slow: operations of a frame beyond which all pairs in bfloat16 are all that is measured.
    seconds: that a part has.
    """

    matrix: int
    copied: int
    sent: int
    repeats: int
    windows: int
    batch: int
    drivers: int
    rounds: int
    steps: int
    widths: tuple[int, ...]
    pairs: tuple[int, int]
    calls: int
    narrow: bool
    goldens: tuple[str, ...]
    golden_frames: int
    videos: int
    clips: float
    trained: int
    large: float
    slow: float
    seconds: float = 600.0


CARD = Sizes(
    matrix=8192,
    copied=2**31,
    sent=2**28,
    repeats=7,
    windows=2048,
    batch=64,
    drivers=8,
    rounds=3,
    steps=30,
    widths=(128, 256),
    pairs=(8, 71),
    calls=8,
    narrow=False,
    goldens=("lia", "tps", "face-vid2vid"),
    golden_frames=0,
    videos=42_800,
    clips=1.0,
    trained=640,
    large=5e11,
    slow=float("inf"),
)
SMALL = Sizes(
    matrix=256,
    copied=2**20,
    sent=2**20,
    repeats=1,
    windows=64,
    batch=8,
    drivers=4,
    rounds=1,
    steps=1,
    widths=(8, 16),
    pairs=(2, 1),
    calls=1,
    narrow=True,
    goldens=("lia",),  # the others take a CPU as long as all the rest; the tests of each network have theirs
    golden_frames=1,
    videos=40,
    clips=0.1,
    trained=96,
    large=1e11,
    slow=1e11,  # TPS has one size: a frame of it takes a CPU seconds
)


def of_device(device: str) -> Sizes:
    """The card's sizes on a card, the small ones on a CPU."""
    return CARD if device.startswith("cuda") else SMALL
