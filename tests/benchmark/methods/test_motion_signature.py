"""The motion signature: what it must not see, what it must, and that it trains like any other network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.methods.checkpoint import WEIGHTS_FILE, load_checkpoint
from benchmark.methods.motion_signature import POINTS, MotionSignature, SignatureShape, discriminant
from benchmark.methods.network import embed_windows
from benchmark.methods.train_options import TrainOptions
from benchmark.protocols.schema import Protocol
from benchmark.training.loop import train
from benchmark.windows.device_frames import FramePoints
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from tests.benchmark.small_world import World, make

PROTOCOL = Protocol(name="test", time={"window": 71, "stride": 20})
SHAPE = SignatureShape(components=4, embedding=3)
OPTIONS = TrainOptions(
    generators=("alpha",),
    method="motion-signature",
    sizes={"components": 4, "embedding": 3},
    windows=96,
    batch=16,
    drivers=3,
    validate_every=48,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(tmp_path_factory.mktemp("data"), World(people=(6, 2, 3), generators=("alpha",)))


@pytest.fixture(scope="module")
def windows(data: Dataset) -> WindowSet:
    return read_windows(data, PROTOCOL, videos=data.videos[data.videos["split"] == "train"]["video"])


@pytest.fixture(scope="module")
def network(windows: WindowSet) -> MotionSignature:
    made = MotionSignature(SHAPE)
    made.fit_statistics(FramePoints(windows.landmarks), windows, 0)
    return made.eval()


@pytest.fixture
def points(windows: WindowSet) -> torch.Tensor:
    return FramePoints(windows.landmarks).take(windows.rows(slice(0, 6)))


def turned(points: torch.Tensor, angle: float, scale: float, shift: tuple[float, float]) -> torch.Tensor:
    rotation = torch.tensor([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], dtype=torch.float32)
    return scale * points @ rotation + torch.tensor(shift)


def test_where_how_large_and_how_tilted_the_face_stands_changes_nothing(network, points) -> None:
    moved = turned(points, 0.3, 1.7, (40.0, -25.0))
    result, expected = network.movement(moved), network.movement(points)
    # The head's two shifts turn with the picture; all else is the same.
    face = [*range(4), 6, 7]
    torch.testing.assert_close(result[:, face], expected[:, face], atol=2e-3, rtol=1e-3)


def test_alignment_is_the_least_squares_similarity(network, points) -> None:
    shapes, pose = network.align(points[:1, :1])
    x = points[0, 0] - points[0, 0].mean(dim=0)
    # Solved as a linear least squares problem in the two numbers of a similarity.
    design = torch.cat([torch.stack([x[:, 0], -x[:, 1]], 1), torch.stack([x[:, 1], x[:, 0]], 1)])
    a, b = torch.linalg.lstsq(design, torch.cat([network.reference[:, 0], network.reference[:, 1]]))[0]
    expected = torch.stack([a * x[:, 0] - b * x[:, 1], b * x[:, 0] + a * x[:, 1]], dim=1)
    torch.testing.assert_close(shapes[0, 0], expected, atol=1e-5, rtol=1e-4)
    assert float(pose[0, 0, 2]) == pytest.approx(-float(torch.hypot(a, b).log()), abs=1e-4)


def test_a_still_face_moves_nothing_whatever_face_it_is(network, points) -> None:
    still = points[:, :1].expand(-1, points.shape[1], -1, -1)
    assert float(network.movement(still).abs().max()) < 1e-2


def test_another_resting_face_in_the_aligned_frame_changes_nothing(network, points) -> None:
    shapes, _ = network.align(points)
    other = torch.randn(POINTS, 2, generator=torch.Generator().manual_seed(0)) * 0.1

    def face(shape: torch.Tensor) -> torch.Tensor:
        return (shape - shape.mean(dim=1, keepdim=True)).flatten(2) @ network.basis.T

    torch.testing.assert_close(face(shapes + other), face(shapes), atol=1e-4, rtol=1e-3)


def test_how_strongly_a_component_moves_hardly_counts_but_what_it_moves_with_does(network) -> None:
    random = torch.Generator().manual_seed(1)
    movement = torch.randn(3, 8, 71, generator=random)
    before = network.statistics(movement)
    gains = torch.linspace(0.8, 1.3, 8)[None, :, None]
    blended = movement + 0.5 * movement.flip(1)
    assert float((network.statistics(gains * movement) - before).abs().max()) < 0.1
    assert float((network.statistics(blended) - before).abs().max()) > 0.2


def test_statistics_are_the_mean_products_of_the_movement_and_of_its_velocity(network) -> None:
    plain = MotionSignature(replace(SHAPE, statistics="covariances"))
    movement = torch.randn(2, 8, 20, generator=torch.Generator().manual_seed(2))
    result = plain.statistics(movement)
    assert result.shape == (2, 72)
    assert float(result[1, 1]) == pytest.approx(float((movement[1, 0] * movement[1, 1]).mean()), abs=1e-5)
    step = movement[:, :, 2:] - movement[:, :, :-2]
    assert float(result[0, 71]) == pytest.approx(float(step[0, 7].square().mean()), abs=1e-5)


def test_frames_in_another_order_change_velocities_alone(network, points) -> None:
    order = torch.rand(len(points), points.shape[1], generator=torch.Generator().manual_seed(3)).argsort(dim=1)
    same, shuffled = (point.detach() for point in network(points, order))
    assert float((same - shuffled).abs().max()) > 1e-3
    without = MotionSignature(replace(SHAPE, velocities=False))
    without.load_state_dict(
        network.state_dict() | {name: value for name, value in without.state_dict().items() if "projection" in name}
    )
    first, second = (point.detach() for point in without(points, order))
    torch.testing.assert_close(first, second, atol=1e-4, rtol=1e-3)


def test_the_discriminant_is_fishers_where_it_is_known() -> None:
    """Two classes: the direction is the inverse within-class scatter times the difference of means."""
    rng = np.random.default_rng(4)
    scatter = np.array([[1.0, 0.8, 0.0], [0.8, 1.0, 0.0], [0.0, 0.0, 2.0]])
    noise = rng.multivariate_normal(np.zeros(3), scatter, 20_000)
    labels = np.repeat([0, 1], 10_000)
    values = noise + np.where(labels[:, None] == 1, np.array([1.0, 0.0, 0.5]), 0.0)
    weight, mean = discriminant(torch.tensor(values, dtype=torch.float32), torch.from_numpy(labels), 1, 0.0)
    expected = np.linalg.solve(scatter, np.array([1.0, 0.0, 0.5]))
    result = weight[0].numpy()
    assert abs(result @ expected) / np.linalg.norm(result) / np.linalg.norm(expected) > 0.995
    np.testing.assert_allclose(mean.numpy(), values.mean(axis=0), atol=1e-4)


def test_directions_beyond_the_classes_are_left_at_zero() -> None:
    values = torch.randn(40, 6, generator=torch.Generator().manual_seed(5))
    weight, _ = discriminant(values, torch.arange(40) % 3, 6, 0.1)
    assert weight.shape == (6, 6)
    assert float(weight[3:].abs().max()) == 0.0


def test_fitting_is_the_same_with_the_same_seed(network, windows) -> None:
    again = MotionSignature(SHAPE)
    again.fit_statistics(FramePoints(windows.landmarks), windows, 0)
    for name, value in network.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_windows_of_one_driver_are_nearer_than_those_of_others_after_fitting(network, windows) -> None:
    result = embed_windows(network, windows)
    driver = windows.videos["driver"].to_numpy()[windows.video]
    alike = result @ result.T
    same = driver[:, None] == driver[None, :]
    assert alike[same].mean() > alike[~same].mean() + 0.3


def test_it_trains_to_the_same_bytes_and_loads_from_its_folder(data, tmp_path: Path) -> None:
    first = train(data, tmp_path / "a" / "x", OPTIONS, PROTOCOL)
    train(data, tmp_path / "b" / "x", OPTIONS, PROTOCOL)
    assert (tmp_path / "a/x" / WEIGHTS_FILE).read_bytes() == (tmp_path / "b/x" / WEIGHTS_FILE).read_bytes()
    loaded = load_checkpoint(tmp_path / "a" / "x")
    assert loaded.network.shape == first.network.shape
    assert isinstance(loaded.network, MotionSignature)


def test_a_run_that_was_cut_off_goes_on_to_the_same_bytes(data, tmp_path: Path) -> None:
    class Cut(Exception):
        pass

    def cut(done: int, total: int, text: str) -> None:
        if done == 3:
            raise Cut

    train(data, tmp_path / "whole" / "x", OPTIONS, PROTOCOL)
    with pytest.raises(Cut):
        train(data, tmp_path / "cut" / "x", OPTIONS, PROTOCOL, progress=cut)
    assert (tmp_path / "cut" / "x" / "state.pt").exists()
    train(data, tmp_path / "cut" / "x", OPTIONS, PROTOCOL)
    assert (tmp_path / "cut/x" / WEIGHTS_FILE).read_bytes() == (tmp_path / "whole/x" / WEIGHTS_FILE).read_bytes()


@pytest.mark.parametrize("wrong", [{"components": 0}, {"statistics": "means"}])
def test_sizes_that_cannot_be_are_refused(wrong) -> None:
    with pytest.raises(NvfairError, match="components"):
        MotionSignature(replace(SHAPE, **wrong))


def test_copies_may_be_re_renderings_of_the_landmarks_and_the_record_says_so(windows: WindowSet) -> None:
    made = MotionSignature(replace(SHAPE, distortions="re-rendering"))
    made.fit_statistics(FramePoints(windows.landmarks), windows, 0)
    plain = MotionSignature(SHAPE)
    plain.fit_statistics(FramePoints(windows.landmarks), windows, 0)
    assert made.shape_json()["distortions"] == "re-rendering"
    assert "distortions" not in plain.shape_json()  # as in records from before
    torch.testing.assert_close(made.basis, plain.basis)
    assert not torch.equal(made.projection.weight, plain.projection.weight)
    again = MotionSignature.from_json(made.shape_json())
    again.fit_statistics(FramePoints(windows.landmarks), windows, 0)
    assert torch.equal(made.projection.weight, again.projection.weight)
    with pytest.raises(NvfairError, match="movement or re-rendering"):
        MotionSignature(replace(SHAPE, distortions="noise"))
