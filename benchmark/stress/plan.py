"""The levels of a stress test."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StressPlan:
    """Levels of each sweep; a sweep without levels is left out. Level 0, the unchanged figure, always comes first.

    noise, jitter: deviation of each coordinate in shares of the facial scale (the landmarks' root mean square distance
    from their centre; 0.01 is some 0.6 pixels on a face of 60), without and with correlation in time
    (`correlation` seconds). dropped, bursts: share of the frames that are lost, one by one and `burst` frames in a row.
    rates: frames a second to which videos are thinned. windows: the number of first windows of each video that are
    used. lengths: share of the protocol's window length, where the method takes any length. crf: x264's rate factor at
    which videos are encoded again and tracked anew. mimicry: share by which impostors move like their target, in
    simulation. clips: number of clips of each driver on each face in re-compression (0: all). targets: number of faces,
    drawn by the seed, in all sweeps (0: all), and at most `recompressed` of them in re-compression.
    """

    noise: tuple[float, ...] = (0.0025, 0.005, 0.01, 0.02, 0.04)
    jitter: tuple[float, ...] = (0.0025, 0.005, 0.01, 0.02, 0.04)
    correlation: float = 0.2
    dropped: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4)
    bursts: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4)
    burst: int = 10
    rates: tuple[float, ...] = (15.0, 10.0, 5.0)
    windows: tuple[int, ...] = (4, 2, 1)
    lengths: tuple[float, ...] = (0.75, 0.5, 0.25)
    crf: tuple[int, ...] = (28, 35, 42)
    mimicry: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    clips: int = 3
    targets: int = 0
    recompressed: int = 4
    seed: int = 0

    @classmethod
    def quick(cls) -> StressPlan:
        """Two levels of each sweep, on at most six faces: a first look, not a measurement."""
        return cls(
            noise=(0.005, 0.02), jitter=(0.005, 0.02), dropped=(0.1, 0.3), bursts=(0.1, 0.3), rates=(15.0, 8.0),
            windows=(2, 1), lengths=(0.5,), crf=(35,), mimicry=(0.5, 1.0), clips=2, targets=6, recompressed=2,
        )  # fmt: skip
