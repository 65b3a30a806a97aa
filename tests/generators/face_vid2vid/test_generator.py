"""face-vid2vid as a generator: what it takes, what it refuses, and that its frames are the plain networks'."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from generators import Face, Generator, GeneratorError, MotionMode, create
from generators import weights as store
from generators.checkpoint import Checkpoint, file_sha256, read_checkpoint
from generators.device import resolve
from generators.face_vid2vid import generator as package
from generators.face_vid2vid.appearance import VARIANTS, Variant
from generators.face_vid2vid.generator import FaceVid2Vid
from generators.face_vid2vid.head_pose import HeadPoseEstimator
from generators.face_vid2vid.keypoints import KeypointDetector
from generators.face_vid2vid.layout import LAYOUTS, layout
from generators.face_vid2vid.rotation import degrees, posed, rotation_matrix
from generators.face_vid2vid.transfer import hull_volume
from generators.weights import Weights
from tests.generators.face_vid2vid.networks import SMALL, small_checkpoint

ABSOLUTE = MotionMode("absolute")


def build(path: Path, device: str = "cpu", dtype: str = "float32", **options: Any) -> FaceVid2Vid:
    where, precision = resolve(device, dtype)
    weights = Weights(path, file_sha256(path), LAYOUTS[0].licence)
    return FaceVid2Vid(read_checkpoint(path), weights, device=where, dtype=precision, sizes=SMALL, **options)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "small-checkpoint.pth.tar"
    # As the published training writes it: more than the demo reads.
    torch.save({**small_checkpoint(), "optimizer_generator": {"state": {}}, "epoch": 189}, path)
    return path


@pytest.fixture(scope="module")
def generator(weights: Path) -> FaceVid2Vid:
    return build(weights, device="cpu")


def face(seed: int, mesh: bool = False, size: int = SMALL.image) -> Face:
    """A smooth picture of noise, with a mesh whose shape depends on the seed."""
    random = np.random.default_rng(seed)
    coarse = torch.from_numpy(random.random((1, 3, 6, 6)))
    smooth = torch.nn.functional.interpolate(coarse, size=size, mode="bilinear")[0].permute(1, 2, 0)
    points = random.normal(size=(478, 3)).astype(np.float32) * 20 + 64 if mesh else None
    return Face((smooth.numpy() * 255).astype(np.uint8), points)


CLIP = [face(seed) for seed in range(10, 15)]


def frames(generator: FaceVid2Vid, mode: MotionMode, clip: list[Face] = CLIP) -> np.ndarray:
    return np.stack(list(generator.render(generator.encode_source(face(1)), generator.encode_motion(clip), mode)))


def test_it_is_a_generator(generator: FaceVid2Vid) -> None:
    assert isinstance(generator, Generator)
    assert (generator.name, generator.value_range, generator.licence) == ("face-vid2vid", (0.0, 1.0), "CC-BY-NC-4.0")
    assert (generator.needs_mesh, generator.needs_image) == (False, True)
    assert generator.size == generator.framing.size == SMALL.image


@pytest.mark.parametrize("variant", ["spade", "original"])
@pytest.mark.parametrize("kind", ["absolute", "relative"])
@torch.inference_mode()
def test_frames_are_what_the_plain_networks_make_of_each_pair(variant: Variant, kind: Any, tmp_path: Path) -> None:
    checkpoint = small_checkpoint(variant)
    torch.save(checkpoint, tmp_path / "weights.pth")
    networks = [VARIANTS[variant](SMALL), KeypointDetector(SMALL), HeadPoseEstimator(SMALL)]
    for network, name in zip(networks, ("generator", "kp_detector", "he_estimator"), strict=True):
        network.load_state_dict(checkpoint[name])
        network.eval()
    plain, detector, estimator = networks

    def pixels(picture: Face) -> torch.Tensor:
        return torch.from_numpy(picture.image).permute(2, 0, 1)[None].float() / 255

    def keypoints(picture: Face) -> torch.Tensor:
        out = estimator(pixels(picture))
        rotation = rotation_matrix(*(degrees(out[name]) for name in ("yaw", "pitch", "roll")))
        return posed(detector(pixels(face(1))), rotation, out["translation"], out["expression"])

    own, first = keypoints(face(1)), keypoints(CLIP[0])
    scale = (hull_volume(own[0].numpy()) / hull_volume(first[0].numpy())) ** 0.5
    expected = []
    for picture in CLIP[:3]:
        driving = keypoints(picture)
        moved = driving if kind == "absolute" else (driving - first) * scale + own
        expected.append(plain(pixels(face(1)), moved, own)[0].permute(1, 2, 0).numpy())

    got = frames(build(tmp_path / "weights.pth", device="cpu"), MotionMode(kind), CLIP[:3])

    assert np.std(expected) > 0.01
    assert np.abs(np.diff(expected, axis=0)).mean() > 1e-3, "the clip must move something"
    np.testing.assert_allclose(got, expected, atol=1e-3)
    assert np.abs(got - expected).mean() < 2e-5


def test_frames_are_float32_pictures_in_range(generator: FaceVid2Vid) -> None:
    got = frames(generator, ABSOLUTE)

    assert got.shape == (5, SMALL.image, SMALL.image, 3)
    assert got.dtype == np.float32
    assert got.min() >= 0
    assert got.max() <= 1


def test_rendering_in_batches_gives_the_frames_of_one_at_a_time(generator: FaceVid2Vid, weights: Path) -> None:
    batched = build(weights, device="cpu", batch=3)

    for mode in (ABSOLUTE, MotionMode("relative", 2, {"yaw": 20})):
        np.testing.assert_allclose(frames(batched, mode), frames(generator, mode), atol=2e-4)


def test_a_clip_is_read_once_as_a_stream_and_in_any_length(generator: FaceVid2Vid) -> None:
    requested: list[int] = []

    def stream() -> Iterator[Face]:
        for index in range(11):
            requested.append(index)
            yield CLIP[index % len(CLIP)]

    motion = generator.encode_motion(stream())

    assert requested == list(range(11))
    assert len(motion) == 11
    torch.testing.assert_close(motion.poses.yaw[:5], motion.poses.yaw[5:10], rtol=1e-4, atol=1e-4)


def test_frames_come_one_by_one_and_leave_autograd_as_it_was(generator: FaceVid2Vid) -> None:
    rendering = generator.render(generator.encode_source(face(1)), generator.encode_motion(CLIP), ABSOLUTE)

    first = next(rendering)

    assert not torch.is_inference_mode_enabled()
    rest = list(rendering)
    assert len(rest) == 4
    assert np.abs(first - rest[0]).max() > 0, "a frame given out must not be overwritten by the next"


def test_a_pair_does_not_depend_on_the_pairs_before_it(generator: FaceVid2Vid) -> None:
    motion = generator.encode_motion(CLIP[:2])
    alone = list(generator.render(generator.encode_source(face(1)), motion, ABSOLUTE))

    item, other = (generator.render(generator.encode_source(face(s)), motion, ABSOLUTE) for s in (1, 2))
    interleaved = [next(item), next(other), next(item), next(other)]

    np.testing.assert_array_equal(interleaved[0::2], alone)


def test_relative_motion_from_a_frame_starts_at_the_portrait(generator: FaceVid2Vid) -> None:
    source, motion = generator.encode_source(face(1)), generator.encode_motion(CLIP)

    keypoints = generator.driving_keypoints(source, motion, MotionMode("relative", 3))

    torch.testing.assert_close(keypoints[3:4], source.appearance.keypoints)
    assert not torch.allclose(keypoints[0:1], source.appearance.keypoints)


def test_adapt_scale_scales_the_way_from_the_reference(generator: FaceVid2Vid) -> None:
    source, motion = generator.encode_source(face(1)), generator.encode_motion(CLIP)
    own = source.appearance.keypoints
    reference = generator.driving_keypoints(source, motion, ABSOLUTE)[0].numpy()

    scaled, plain = (
        generator.driving_keypoints(source, motion, MotionMode("relative", 0, {"adapt_scale": flag})) - own
        for flag in (True, False)
    )

    scale = (hull_volume(own[0].numpy()) / hull_volume(reference)) ** 0.5
    assert abs(scale - 1) > 0.01
    torch.testing.assert_close(scaled, plain * scale)
    default = generator.driving_keypoints(source, motion, MotionMode("relative"))
    torch.testing.assert_close(default, scaled + own)


def test_the_best_reference_is_the_driving_frame_whose_mesh_is_the_portraits(generator: FaceVid2Vid) -> None:
    portrait = face(1, mesh=True)
    clip = [face(seed, mesh=True) for seed in (20, 21, 22)]
    clip[1] = Face(clip[1].image, portrait.mesh)
    source, motion = generator.encode_source(portrait), generator.encode_motion(clip)

    best = generator.driving_keypoints(source, motion, MotionMode("relative", "best"))

    torch.testing.assert_close(best, generator.driving_keypoints(source, motion, MotionMode("relative", 1)))


@pytest.mark.parametrize("bare", ["the portrait", "every driving frame"])
def test_the_best_reference_needs_meshes(generator: FaceVid2Vid, bare: str) -> None:
    source = generator.encode_source(face(1, mesh=bare != "the portrait"))
    motion = generator.encode_motion([face(2, mesh=True), face(3, mesh=bare != "every driving frame")])

    with pytest.raises(GeneratorError, match=f"mesh of {bare}"):
        generator.render(source, motion, MotionMode("relative", "best"))


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        (MotionMode("absolute", options={"jaw": 3}), "jaw"),
        (MotionMode("relative", 5), "reference frame 5 is outside the driving clip, which has 5 frames"),
        (MotionMode("relative", options={"adapt_scale": 1}), "true or false"),
        (MotionMode("absolute", options={"pitch": "up"}), "pitch='up'"),
    ],
)
def test_a_mode_that_cannot_be_is_refused_before_the_first_frame(
    generator: FaceVid2Vid, mode: MotionMode, message: str
) -> None:
    source, motion = generator.encode_source(face(1)), generator.encode_motion(CLIP)

    with pytest.raises(GeneratorError, match=message):
        generator.render(source, motion, mode)


def test_pictures_that_are_not_framed_to_size_are_refused(generator: FaceVid2Vid) -> None:
    with pytest.raises(GeneratorError, match=r"portrait is 64x64 pixels, expected 128x128"):
        generator.encode_source(face(1, size=64))
    with pytest.raises(GeneratorError, match="frame the face"):
        generator.encode_motion([*CLIP, face(1, size=64)])


def test_a_clip_without_frames_is_refused(generator: FaceVid2Vid) -> None:
    with pytest.raises(GeneratorError, match="no frames"):
        generator.encode_motion(iter(()))


def test_a_fingerprint_follows_weights_rotation_and_precision_alone(
    generator: FaceVid2Vid, weights: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.pth"
    torch.save(small_checkpoint(seed=8), other)
    own = generator.fingerprint()

    assert build(weights, device="auto", batch=2, rotation="current").fingerprint() == own
    different = {
        build(weights, rotation="beta").fingerprint(),
        build(weights, dtype="bfloat16").fingerprint(),
        build(other).fingerprint(),
    }
    assert len(different | {own}) == 4
    assert len(own) == 64


def test_the_first_published_weights_are_recognised_by_their_detector(tmp_path: Path) -> None:
    path = tmp_path / "beta.pth"
    torch.save(small_checkpoint("original", antialias=False), path)

    beta = build(path)

    assert (beta.variant, beta.rotation) == ("original", "beta")
    assert build(path, rotation="current").rotation == "current"


def test_the_beta_rotation_moves_keypoints_elsewhere(generator: FaceVid2Vid, weights: Path) -> None:
    beta = build(weights, device="cpu", rotation="beta")
    mode = MotionMode("absolute", options={"yaw": 30, "pitch": -20, "roll": 10})
    both = [g.driving_keypoints(g.encode_source(face(1)), g.encode_motion(CLIP[:1]), mode) for g in (generator, beta)]

    assert float((both[0] - both[1]).abs().max()) > 1e-2


def test_bfloat16_renders_nearly_the_same(generator: FaceVid2Vid, weights: Path) -> None:
    half = build(weights, device="cpu", dtype="bfloat16")

    difference = np.abs(frames(half, ABSOLUTE, CLIP[:2]) - frames(generator, ABSOLUTE, CLIP[:2]))

    assert 0 < difference.mean() < 0.02


def edited(change: str) -> Checkpoint:
    checkpoint = small_checkpoint()
    network = checkpoint["generator"]
    if change == "missing tensor":
        del network["decoder.G_middle_3.norm_1.mlp_beta.bias"]
    elif change == "unexpected tensor":
        checkpoint["he_estimator"]["fc_gaze.weight"] = torch.zeros(2)
    elif change == "wrong shape":
        network["fourth.weight"] = torch.zeros(4, 4, 1, 1)
    elif change == "missing module":
        del checkpoint["kp_detector"]
    elif change == "no variant":
        del network["decoder.fc.weight"]
    return checkpoint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing tensor", r"module 'generator'.*G_middle_3\.norm_1\.mlp_beta\.bias"),
        ("unexpected tensor", r"module 'he_estimator'.*unexpected.*fc_gaze\.weight"),
        ("wrong shape", r"fourth\.weight is \(4, 4, 1, 1\), expected \(32, 32, 1, 1\)"),
        ("missing module", "kp_detector"),
        ("no variant", "neither a SPADE generator"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused_by_name(change: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.pth"
    torch.save(edited(change), path)

    with pytest.raises(GeneratorError, match=message):
        build(path)


def test_registered_weights_are_the_same_generator_under_their_own_licence(
    weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    small = tuple(layout(known.variant.split(",")[0], "beta" not in known.variant, SMALL) for known in LAYOUTS)
    monkeypatch.setattr(store, "known_layouts", lambda: list(small))
    monkeypatch.setenv("NVFAIR_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(package, "LAYOUTS", small)
    monkeypatch.setattr(package, "FaceVid2Vid", partial(FaceVid2Vid, sizes=SMALL))

    record = store.add(weights, name="mine", licence="agreed by letter")
    registered = create("face-vid2vid", weights="mine", device="cpu")

    assert (record.variant, record.modules) == ("spade", ("generator", "kp_detector", "he_estimator"))
    assert registered.licence == "agreed by letter"
    assert registered.fingerprint() == build(weights).fingerprint()


def test_a_small_checkpoint_does_not_fill_the_published_networks(weights: Path) -> None:
    with pytest.raises(GeneratorError, match="wrongly shaped"):
        create("face-vid2vid", weights=weights)


@pytest.mark.parametrize("options", [{"rotation": "sideways"}, {"batch": 0}, {"dtype": "int8"}, {"device": "tpu"}])
def test_unknown_arguments_are_refused(weights: Path, options: dict[str, Any]) -> None:
    with pytest.raises(GeneratorError, match=str(*options.values())):
        build(weights, **options)
