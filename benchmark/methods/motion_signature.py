"""The motion signature: which movements of a face come together, whatever is said and whosever face shows it.

Legend: B windows, T frames, N landmarks (126), K components of facial motion, C = K + 4 components with the head's,
S statistics of a window (C (C + 1)), D embedding size.

    landmarks (B, T, N, 2)   each frame is turned, moved and scaled onto one reference face (Procrustes)
    movement  (B, C, T)      less its mean over the window, so that no face and no resting expression is left;
                             written in K fixed directions of facial motion (principal components of the training
                             people's) and the head's four: across, up and down, towards the camera, roll
    statistics (B, S)        each component is brought to about unit power; then the mean products of all pairs: how
                             each movement brings the others with it. The same for the components' velocities
    embedding (B, D, 1)      one linear map, of unit length

Why: a generator damps, smooths and blends motion and gives the target another resting face, but movements that come
together in the driver still come together in the picture. What a window's products say is independent of how strongly
anything moves and of when: neither gains nor the text decide them.

The map starts as the linear discriminant of the training drivers (`fit_statistics`): it is large where drivers differ
and small where windows of one driver differ. Half of the windows that count as one driver's are copies distorted as
generators distort (gains, a small blend of the components, smoothing, noise), so directions that generators disturb
count little. Training may go on from there with any loss; its steps count in the budget, the windows that are fitted
are stated apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.methods.network import Network
from benchmark.methods.re_rendering import RE_RENDERING_PRESETS, ReRenderer
from benchmark.windows.device_frames import FramePoints
from benchmark.windows.window_set import WindowSet
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.scheme import SCHEME_126

POINTS = len(SCHEME_126)
_HEAD = 4
_BLOCK = 256  # windows that are worked on at once
_REFERENCE_FRAMES, _BASIS_WINDOWS = 20_000, 1_500
# Distortions of a copy, about as large as those of generators.
_LOG_GAIN = 0.2  # standard deviation of the logarithm of each component's gain
_BLEND, _BLENDED = 0.3, 12  # root mean square share of the first components that is blended into each other
_SMOOTHING = 1.0  # widest smoothing, in frames
_NOISE = 0.006  # largest noise, in shares of the face's size


@dataclass(frozen=True)
class SignatureShape:
    """Sizes and settings of the motion signature.

    components: K. embedding: D.
    softness: added to a component's deviation (in deviations of the training data) before the component is divided by
    it, so that a component that hardly moves stays small.
    fitted: the discriminant is fitted on at most so many windows. ridge: added to the within-driver variances, in
    shares of their mean. copies: distorted copies of each fitted window.
    statistics: "correlations", or "covariances", which keep how strongly components move. velocities: whether the
    statistics of the velocities stand beside those of the movement.
    distortions: what the copies are. "movement": the components of the movement distorted; "re-rendering": the
    landmarks themselves, with measured tracking noise and frozen frames (benchmark.methods.re_rendering).
    """

    components: int = 32
    embedding: int = 60
    softness: float = 0.1
    fitted: int = 8_000
    ridge: float = 0.05
    copies: int = 1
    statistics: str = "correlations"
    velocities: bool = True
    distortions: str = "movement"


class MotionSignature(Network):
    """The network that turns the landmarks of a window into one embedding."""

    method = "motion-signature"
    shape_type = SignatureShape
    recommended: ClassVar[Mapping[str, Any]] = MappingProxyType({"learning_rate": 1e-4, "weight_decay": 0.0})
    shape: SignatureShape
    reference: Tensor
    basis: Tensor
    deviation: Tensor

    def __init__(self, shape: SignatureShape) -> None:
        super().__init__(shape)
        if not 1 <= shape.components <= 2 * POINTS or shape.statistics not in ("correlations", "covariances"):
            raise NvfairError(
                f"the motion signature has {shape.components} components and statistics {shape.statistics!r}",
                expected=f"1 to {2 * POINTS} components; correlations or covariances",
            )
        if shape.distortions not in ("movement", *RE_RENDERING_PRESETS):
            raise NvfairError(
                f"the motion signature has distortions {shape.distortions!r}",
                expected=f"movement or {' or '.join(RE_RENDERING_PRESETS)}",
            )
        size = shape.components + _HEAD
        self.register_buffer("reference", torch.zeros(POINTS, 2))
        self.register_buffer("basis", torch.zeros(shape.components, 2 * POINTS))
        self.register_buffer("deviation", torch.ones(size))
        self.projection = nn.Linear(size * (size + 1) // 2 * (1 + shape.velocities), shape.embedding)

    def shape_json(self) -> dict[str, Any]:
        """The sizes of the network as plain values; `distortions`, which came later, only where they are named."""
        sizes = super().shape_json()
        if self.shape.distortions == "movement":
            del sizes["distortions"]
        return sizes

    @property
    def uses_order(self) -> bool:
        """Whether frame order matters: velocities depend on it, products within a frame do not."""
        return self.shape.velocities

    def describe_input(self) -> dict[str, Any]:
        """What the network sees of a frame, in words."""
        return {"input": "landmarks aligned to a reference face, less their window's mean", "scale": "overall"}

    def forward(self, points: Tensor, order: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Embeddings (B, D, 1) of windows (B, T, N, 2), and those of the same windows with their frames reordered."""
        with torch.autocast(points.device.type, enabled=False):  # differences of a hundredth of a face
            movement = self.movement(points.float())
            embeddings = self._embed_movement(movement)
            if order is None:
                return embeddings, None
            return embeddings, self._embed_movement(
                movement.gather(2, order[:, None].expand(-1, movement.shape[1], -1))
            )

    def _embed_movement(self, movement: Tensor) -> Tensor:
        return functional.normalize(self.projection(self.statistics(movement)), dim=1)[..., None]

    def movement(self, points: Tensor) -> Tensor:
        """Components (B, C, T) of landmarks (B, T, N, 2) in any unit, in deviations of the training data."""
        shapes, pose = self.align(points)
        # The face: less its mean over the window, in the directions of the basis.
        face = (shapes - shapes.mean(dim=1, keepdim=True)).flatten(2) @ self.basis.T
        # The head: less its mean, with x and y in face sizes.
        size = pose[..., 2].mean(dim=1)[:, None, None].exp()
        head = pose - pose.mean(dim=1, keepdim=True)
        head = torch.cat([head[..., :2] / size, head[..., 2:]], dim=2)
        return (torch.cat([face, head], dim=2) / self.deviation).transpose(1, 2)

    def align(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Shapes (B, T, N, 2) as near to the reference as a similarity brings them, and the head pose (B, T, 4).

        The pose is what the similarity takes away: x, y, logarithm of the scale, roll. The similarity is the least
        squares solution in closed form, with points as complex numbers.
        """
        centre = points.mean(dim=2)
        x, y = (points - centre[:, :, None]).unbind(dim=3)
        u, v = self.reference.unbind(dim=1)
        # The complex factor that brings x + iy nearest to u + iv.
        power = (x.square() + y.square()).sum(dim=2)
        real, imaginary = (x @ u + y @ v) / power, (x @ v - y @ u) / power
        a, b = real[..., None], imaginary[..., None]
        shapes = torch.stack([a * x - b * y, b * x + a * y], dim=3)
        # Its inverse is the head's scale and roll.
        log_scale = -0.5 * (real.square() + imaginary.square()).log()
        roll = -torch.atan2(imaginary, real)
        return shapes, torch.stack([centre[..., 0], centre[..., 1], log_scale, roll], dim=2)

    def statistics(self, movement: Tensor) -> Tensor:
        """Mean products (B, S) of all pairs of components (B, C, T), and of all pairs of their velocities."""
        if not self.shape.velocities:
            return self._products(movement)
        # Twice central differences: about as large as the movement itself.
        velocity = movement[:, :, 2:] - movement[:, :, :-2]
        return torch.cat([self._products(movement), self._products(velocity)], dim=1)

    def _products(self, movement: Tensor) -> Tensor:
        if self.shape.statistics == "correlations":
            deviation = movement.square().mean(dim=2, keepdim=True).sqrt()
            movement = movement / (deviation + self.shape.softness)
        products = movement @ movement.transpose(1, 2) / movement.shape[2]
        first, second = torch.triu_indices(products.shape[1], products.shape[1], device=products.device)
        return products[:, first, second]

    def fit_statistics(self, frames: FramePoints, windows: WindowSet, seed: int) -> None:
        """Fits reference face, basis and discriminant to the training windows, the last to at most `fitted` of them."""
        self.to(frames.device)
        rng = np.random.default_rng([seed, 7])
        random = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            self._fit_reference(frames, np.sort(rng.integers(len(frames), size=_REFERENCE_FRAMES)))
            count = len(windows)
            self._fit_basis(frames, windows, np.sort(rng.permutation(count)[:_BASIS_WINDOWS]))
            fitted = np.sort(rng.permutation(count)[: self.shape.fitted])
            driver = np.unique(windows.videos["driver"].to_numpy(dtype=str), return_inverse=True)[1]
            re_renderer = self._re_renderer(windows, seed)
            parts = []
            for points in self._blocks(frames, windows, fitted):
                movement = self.movement(points)
                copies = [
                    _distorted(movement, self.deviation, random)
                    if re_renderer is None
                    else self.movement(re_renderer(points, random))
                    for _ in range(self.shape.copies)
                ]
                parts.append(torch.stack([self.statistics(version) for version in (movement, *copies)]))
            statistics = torch.cat(parts, dim=1).flatten(0, 1)
            labels = torch.from_numpy(np.tile(driver[windows.video[fitted]], self.shape.copies + 1))
            weight, mean = discriminant(statistics, labels.to(statistics.device), self.embedding_size, self.shape.ridge)
            self.projection.weight.copy_(weight)
            self.projection.bias.copy_(-weight @ mean)

    def _re_renderer(self, windows: WindowSet, seed: int) -> ReRenderer | None:
        """What makes the copies of windows from their landmarks; None where their movement is distorted."""
        options, tracked = RE_RENDERING_PRESETS.get(self.shape.distortions), self.tracked_points()
        if options is None or tracked is None:
            return None
        rows = windows.rows(slice(None))
        return ReRenderer.fit(options, self.points_of(windows), rows, np.array(tracked), seed, self.reference.device)

    def _fit_reference(self, frames: FramePoints, rows: np.ndarray) -> None:
        """Sets the reference to the mean face: faces are aligned to it, and their mean is the next reference."""
        points = frames.take(rows)[None]
        first = points[0, 0] - points[0, 0].mean(dim=0)
        for shape in (first, None, None, None):
            shape = self.align(points)[0][0].mean(dim=0) if shape is None else shape
            self.reference.copy_(shape / shape.square().sum(dim=1).mean().sqrt())

    def _fit_basis(self, frames: FramePoints, windows: WindowSet, numbers: np.ndarray) -> None:
        """Sets the basis to the principal components of facial motion in these windows, and their deviations."""
        scatter = torch.zeros(2 * POINTS, 2 * POINTS, dtype=torch.float64, device=frames.device)
        for points in self._blocks(frames, windows, numbers):
            shapes = self.align(points)[0]
            motion = (shapes - shapes.mean(dim=1, keepdim=True)).flatten(2).flatten(0, 1)
            scatter += (motion.T @ motion).double()
        vectors = torch.linalg.eigh(scatter)[1].flip(1)[:, : self.shape.components].T
        largest = vectors.abs().argmax(dim=1, keepdim=True)
        self.basis.copy_(vectors * vectors.gather(1, largest).sign())  # an eigenvector's sign is arbitrary
        self.deviation.fill_(1.0)
        blocks = self._blocks(frames, windows, numbers)
        power = torch.stack([self.movement(points).square().mean(dim=(0, 2)) for points in blocks])
        self.deviation.copy_(power.mean(dim=0).sqrt().clamp_min(1e-6))

    def _blocks(self, frames: FramePoints, windows: WindowSet, numbers: np.ndarray) -> Iterator[Tensor]:
        """Points (B, T, N, 2) of the windows with these numbers, about _BLOCK windows at a time."""
        for block in np.array_split(numbers, max(1, len(numbers) // _BLOCK)):
            yield frames.take(windows.rows(block))


def discriminant(values: Tensor, labels: Tensor, dimensions: int, ridge: float) -> tuple[Tensor, Tensor]:
    """Weights (D, S) and mean (S,) of the linear discriminant of `values` (n, S) with classes `labels` (n,).

    Values are standardised, turned so that the mean within-class scatter (plus `ridge` times its mean eigenvalue) is
    the identity, and projected on the directions in which class means spread most. This is Fisher's discriminant for
    many classes (Rao 1948). dimensions: D; where there are fewer directions, the last rows are zero.
    """
    mean = values.mean(dim=0)
    scale = values.std(dim=0).clamp_min(1e-6)
    x = ((values - mean) / scale).double()
    # Class means, and the scatter of the values around them.
    labels = labels.long()
    classes = int(labels.max()) + 1
    count = torch.bincount(labels, minlength=classes).clamp_min(1)
    means = torch.zeros(classes, x.shape[1], dtype=x.dtype, device=x.device).index_add_(0, labels, x) / count[:, None]
    within = x - means[labels]
    power, vectors = torch.linalg.eigh(within.T @ within / len(x))
    # Whitened by the within-class scatter, class means spread most along their first singular vectors.
    power = power.clamp_min(0)
    white = vectors * (power + ridge * power.mean()).rsqrt()
    turned = means @ white
    directions = torch.linalg.svd(turned - turned.mean(dim=0), full_matrices=False)[2][:dimensions]
    weight = torch.zeros(dimensions, x.shape[1], dtype=torch.float32, device=x.device)
    weight[: len(directions)] = ((directions @ white.T) / scale).float()
    return weight, mean


def _distorted(movement: Tensor, deviation: Tensor, random: torch.Generator) -> Tensor:
    """Components (B, C, T) as another generator might have left them; random: a generator of the CPU."""
    batch, size, frames = movement.shape

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random).to(movement.device)

    # A gain for each component; then the first components are blended into each other.
    blended = min(_BLENDED, size - _HEAD)
    raw = movement * deviation[:, None] * (_LOG_GAIN * normal(batch, size, 1)).exp()
    face = raw[:, :blended]
    face = face + (_BLEND / blended**0.5) * normal(batch, blended, blended) @ face
    raw = torch.cat([face, raw[:, blended:]], dim=1)
    # Smoothing over time, with a Gaussian of a width of its own for each window.
    width = _SMOOTHING * torch.rand((batch, 1), generator=random).to(movement.device) + 1e-3
    lags = torch.arange(-3, 4, device=movement.device)
    kernel = torch.softmax(-0.5 * (lags / width).square(), dim=1)
    padded = functional.pad(raw, (3, 3), mode="replicate")
    shifted = [kernel[:, lag, None, None] * padded[:, :, lag : lag + frames] for lag in range(len(lags))]
    raw = torch.stack(shifted).sum(dim=0)
    # Noise; then the mean over the window is taken away again.
    noise = _NOISE * torch.rand((batch, 1, 1), generator=random).to(movement.device)
    raw = raw + noise * normal(batch, size, frames)
    return (raw - raw.mean(dim=2, keepdim=True)) / deviation[:, None]
