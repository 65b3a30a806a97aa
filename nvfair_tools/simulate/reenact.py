"""Simulated generators: what a reenactment does to a motion, stated in a handful of numbers.

A generator reads the driver's states, loses and distorts some of what they hold, and puts the rest on the target's
rig. Three that differ in kind are in `GENERATORS`; any other is a `SimulatedGenerator` with other numbers.

Legend: T frames, K expression coefficients, N points.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np

from nvfair_tools.simulate.fields import EXPRESSION, smooth_field
from nvfair_tools.simulate.motion import soft_floor
from nvfair_tools.simulate.randomness import digest, random_of
from nvfair_tools.simulate.rig import K, Rig

_WIDEST_LID = -0.3
_LIDS = [EXPRESSION.index("lid_left"), EXPRESSION.index("lid_right")]
_PAIRS = [
    (n, EXPRESSION.index(name.replace("left", "right"))) for n, name in enumerate(EXPRESSION) if name.endswith("left")
]


@dataclass(frozen=True)
class SimulatedGenerator:
    """One simulated generator.

    relative: whether it adds the driver's change since the first frame to the target's portrait (else it takes the
        driver's expression and pose as they are).
    gain, lid_gain, pose_gain: how much of the movement of expression, lids and head arrives.
    directions: number of independent directions of expression that it can express at all (K: all of them); the rest
        is lost, as in a generator with a small motion dictionary.
    crosstalk: root mean square share of each coefficient that leaks into the others.
    limit: coefficients saturate towards it (tanh); infinity: they do not.
    smoothing: standard deviation in frames of a temporal smoothing.
    shape_leak: share of the driver's neutral face that shows through (0 for a relative generator).
    bias: displacement (root mean square, eye distances) of the whole face that is the generator's own.
    bend: displacement that depends on the target, as a generator fits some faces less well.
    flutter: standard deviation of an independent disturbance of the expression in each frame.
    noise: factor of the tracking noise: how sharp the landmarks' surroundings are drawn.
    symmetry: share of the difference between left and right that is lost.
    dead_zone: changes of expression up to about this size do not arrive (a rounded soft threshold).
    lag: frames of a causal exponential smoothing, as of a model that carries state from frame to frame.
    held: only every so-many-th frame is made; those between are interpolated.
    """

    name: str
    relative: bool
    gain: float = 1.0
    lid_gain: float = 1.0
    pose_gain: float = 1.0
    directions: int = K
    crosstalk: float = 0.0
    limit: float = float("inf")
    smoothing: float = 0.0
    shape_leak: float = 0.0
    bias: float = 0.0
    bend: float = 0.0
    flutter: float = 0.0
    noise: float = 1.0
    symmetry: float = 0.0
    dead_zone: float = 0.0
    lag: float = 0.0
    held: int = 1

    @property
    def motion_mode(self) -> str:
        return "relative" if self.relative else "absolute"

    def fingerprint(self) -> str:
        """Hex digest of the numbers that make this generator."""
        # Numbers that are younger than the first generators count where they are used, so that old prints stay.
        used = {k: v for k, v in asdict(self).items() if k not in _YOUNGER or v != _YOUNGER[k]}
        return digest(*(f"{key}={value}" for key, value in sorted(used.items())))

    def states(self, driver: np.ndarray, portrait: np.ndarray, random: np.random.Generator | None = None) -> np.ndarray:
        """States (T, K + 6) that the target shows for the driver's (T, K + 6), given the target's portrait (K + 6,)."""
        start = driver[:1] if self.relative else np.zeros_like(driver[:1])
        base = portrait if self.relative else np.zeros_like(portrait)
        change = driver - start
        expression = change[:, :K] @ _distortion(self)
        if self.dead_zone:
            # Hardly any slope at zero, one from a few dead zones on.
            expression = expression - self.dead_zone * np.tanh(expression / self.dead_zone)
        if np.isfinite(self.limit):
            expression = self.limit * np.tanh(expression / self.limit)
        result = np.concatenate([expression, self.pose_gain * change[:, K:]], axis=1)
        if self.smoothing:
            result = _smoothing_kernel(len(result), self.smoothing) @ result
        if self.lag:
            result = _lag_kernel(len(result), self.lag) @ result
        if self.held > 1:
            made = np.arange(0, len(result) + self.held - 1, self.held).clip(max=len(result) - 1)
            grid = np.arange(len(result))
            result = np.stack([np.interp(grid, made, column[made]) for column in result.T], axis=1)
        if self.flutter and random is not None:
            result[:, :K] += self.flutter * random.standard_normal((len(result), K), dtype=np.float32)
        result = result + base
        if self.relative:
            _stop_where_they_meet(result)
        return result.astype(np.float32)

    def face(self, target: Rig, driver: Rig, target_name: str, seed: int, points: np.ndarray) -> Rig:
        """The rig that is shown: the target's, with what leaks, is biased and is bent."""
        neutral = target.neutral
        if self.shape_leak:
            neutral = (1 - self.shape_leak) * neutral + self.shape_leak * driver.neutral
        if self.bias:
            neutral = neutral + self.bias * _field(f"bias of {self.name}", 0.4)[points]
        if self.bend:
            neutral = neutral + self.bend * _field(f"bend of {self.name} on {target_name} in {seed}", 0.5)[points]
        return Rig(neutral.astype(np.float32), target.fields)


# Like face-vid2vid: canonical keypoints of the target's, but the driver's expression as it is, a little of its shape.
KEYPOINT = SimulatedGenerator(
    "sim-keypoint", relative=False, gain=0.88, lid_gain=0.7, pose_gain=0.97, crosstalk=0.08, shape_leak=0.05,
    bias=0.006, bend=0.006, flutter=0.006, noise=1.0,
)  # fmt: skip
# Like LIA: motion along few learned directions, which blend into each other; relative to the first frame.
LATENT = SimulatedGenerator(
    "sim-latent", relative=True, gain=0.92, lid_gain=0.85, pose_gain=0.9, directions=9, crosstalk=0.12, smoothing=0.5,
    bias=0.01, bend=0.008, flutter=0.004, noise=1.15,
)  # fmt: skip
# Like TPS: few control points move the picture; strong movements saturate; relative to the first frame.
SPLINE = SimulatedGenerator(
    "sim-spline", relative=True, gain=0.8, lid_gain=0.5, pose_gain=0.95, crosstalk=0.05, limit=0.9, smoothing=0.8,
    bias=0.004, bend=0.01, flutter=0.01, noise=0.9,
)  # fmt: skip
# The second world's differ from these in the kind of what they do, not in its amount alone.
# Like a parametric face model driven frame by frame: nearly symmetric, small movements below its resolution.
MESH = SimulatedGenerator(
    "sim-mesh", relative=False, gain=1.05, lid_gain=0.9, pose_gain=1.0, symmetry=0.5, dead_zone=0.03, shape_leak=0.08,
    crosstalk=0.06, bias=0.008, bend=0.004, noise=0.9,
)  # fmt: skip
# Like a recurrent network: late, overshooting a little, coupled.
RECURRENT = SimulatedGenerator(
    "sim-recurrent", relative=True, gain=1.15, lid_gain=0.75, pose_gain=0.85, lag=1.2, crosstalk=0.15, directions=11,
    bias=0.006, bend=0.012, flutter=0.005, noise=1.0,
)  # fmt: skip
# Like diffusion over key frames: half the frame rate, interpolated, with noise of its own.
KEYFRAME = SimulatedGenerator(
    "sim-keyframe", relative=True, gain=0.9, lid_gain=0.6, pose_gain=0.95, held=2, limit=1.1, crosstalk=0.08,
    symmetry=0.2, bias=0.01, bend=0.006, flutter=0.015, noise=1.25,
)  # fmt: skip
FIRST_WORLD = tuple(generator.name for generator in (KEYPOINT, LATENT, SPLINE))
GENERATORS = {generator.name: generator for generator in (KEYPOINT, LATENT, SPLINE, MESH, RECURRENT, KEYFRAME)}
_YOUNGER = {"symmetry": 0.0, "dead_zone": 0.0, "lag": 0.0, "held": 1}


def _stop_where_they_meet(states: np.ndarray) -> None:
    """Keeps lips from passing through each other and lids within what eyes do: a driver who begins with an open mouth
    asks a closed one to close further."""
    jaw, opened = EXPRESSION.index("jaw"), EXPRESSION.index("open")
    states[:, jaw] = soft_floor(states[:, jaw])
    # The jaw parts the lips too: 0.3 of an eye distance where `open` parts them by 0.2.
    closed = -1.4 * states[:, jaw]
    states[:, opened] = closed + soft_floor(states[:, opened] - closed)
    states[:, _LIDS] = np.clip(states[:, _LIDS], _WIDEST_LID, 1.0)


@lru_cache(maxsize=64)
def _distortion(generator: SimulatedGenerator) -> np.ndarray:
    """float32 (K, K): gains, then the loss of directions, then cross-talk."""
    random = random_of("distortion", generator.name)
    gains = np.full(K, generator.gain)
    gains[_LIDS] = generator.lid_gain
    lost = random.standard_normal((K, K))
    keep = np.eye(K)
    # Directions to lose: random ones, made orthogonal one after the other (Gram-Schmidt).
    gone: list[np.ndarray] = []
    for row in lost[: K - generator.directions]:
        left = row - sum((g * (g @ row) for g in gone), np.zeros(K))
        gone.append(left / np.sqrt(np.square(left).sum()))
        keep = keep - np.outer(gone[-1], gone[-1])
    leak = generator.crosstalk * random.standard_normal((K, K))
    leak[np.diag_indices(K)] = 0.0
    return (np.diag(gains) @ keep @ (np.eye(K) + leak / np.sqrt(K - 1)) @ _symmetric(generator.symmetry)).astype(
        np.float32
    )


def _symmetric(share: float) -> np.ndarray:
    """(K, K): takes a share of the difference between left and right movements away."""
    matrix = np.eye(K)
    for left, right in _PAIRS:
        matrix[[left, left, right, right], [left, right, left, right]] += share * np.array([-0.5, 0.5, 0.5, -0.5])
    return matrix


@lru_cache(maxsize=1024)
def _field(name: str, length: float) -> np.ndarray:
    return smooth_field(random_of(name), length, waves=12)


@lru_cache(maxsize=256)
def _lag_kernel(frames: int, memory: float) -> np.ndarray:
    """float32 (T, T) exponential average over the frames so far; weights are renormalised at the start."""
    back = np.subtract.outer(np.arange(frames), np.arange(frames))
    kernel = np.where(back >= 0, np.exp(-np.maximum(back, 0) / memory), 0.0)
    return (kernel / kernel.sum(axis=1, keepdims=True)).astype(np.float32)


@lru_cache(maxsize=256)
def _smoothing_kernel(frames: int, width: float) -> np.ndarray:
    """float32 (T, T) Gaussian average over time; weights are renormalised at the ends."""
    lag = np.subtract.outer(np.arange(frames), np.arange(frames))
    kernel = np.exp(-0.5 * np.square(lag / width))
    return (kernel / kernel.sum(axis=1, keepdims=True)).astype(np.float32)
