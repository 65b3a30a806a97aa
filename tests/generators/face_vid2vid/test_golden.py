"""face-vid2vid against the published code's own outputs, from a checkpoint file in the published layout."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from generators import Face, MotionMode, create
from generators.face_vid2vid.fast_spade import Buffers
from generators.face_vid2vid.generator import FaceVid2Vid, Motion, Source
from generators.face_vid2vid.layout import layout
from generators.face_vid2vid.rotation import rotation_matrix
from tests.generators.published_weights import filled

pytestmark = pytest.mark.slow

# The reference data's own marks for a float32 re-implementation.
MEAN, MAXIMUM = 1e-5, 5e-4
FREE_VIEW = {"yaw": 20, "pitch": -10, "roll": 5}


@pytest.fixture(scope="module")
def golden(shared: Path) -> Mapping[str, np.ndarray]:
    with np.load(shared / "generators" / "fv2v_golden.npz") as arrays:
        return {name: arrays[name] for name in arrays.files if not name.startswith("sn/")}


@pytest.fixture(scope="module")
def files(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Checkpoint files of the SPADE and the original variant, as the published training writes them."""
    folder = tmp_path_factory.mktemp("face-vid2vid")
    spade = filled(shared / "generators", "fv2v_manifest.json", layout("spade", antialias=True).required)
    other = filled(
        shared / "generators",
        "fv2v_original_generator_manifest.json",
        {"generator_original": layout("original", antialias=True).required["generator"]},
    )
    paths = {variant: folder / f"{variant}-checkpoint.pth.tar" for variant in ("spade", "original")}
    torch.save({**spade, "epoch": 189}, paths["spade"])
    torch.save({**spade, "generator": other["generator_original"], "epoch": 189}, paths["original"])
    return paths


@pytest.fixture(scope="module")
def spade(files: Mapping[str, Path]) -> Iterator[FaceVid2Vid]:
    generator = create("face-vid2vid", weights=files["spade"], device="cpu")
    assert isinstance(generator, FaceVid2Vid)
    assert generator.variant == "spade"
    yield generator
    del generator
    gc.collect()


@pytest.fixture(scope="module")
def source(spade: FaceVid2Vid, golden: Mapping[str, np.ndarray]) -> Source:
    return spade.encode_source(Face(golden["inputs_uint8"][0]))


@pytest.fixture(scope="module")
def motion(spade: FaceVid2Vid, golden: Mapping[str, np.ndarray]) -> Motion:
    return spade.encode_motion(Face(image) for image in golden["inputs_uint8"][1:])


def clip(generator: FaceVid2Vid, golden: Mapping[str, np.ndarray], *frames: int) -> Motion:
    return generator.encode_motion(Face(golden["inputs_uint8"][1 + frame]) for frame in frames)


def assert_equal(got: Any, expected: np.ndarray, mean: float = MEAN, maximum: float = MAXIMUM) -> None:
    difference = np.abs(np.asarray(got, dtype=np.float64) - expected)
    assert difference.shape == expected.shape
    assert difference.max() < maximum
    assert difference.mean() < mean


def test_canonical_and_source_keypoints(source: Source, golden: Mapping[str, np.ndarray]) -> None:
    assert_equal(source.canonical, golden["kp_canonical"])
    assert_equal(source.appearance.keypoints, golden["kp_source"])


@torch.inference_mode()
def test_head_poses_of_the_source_and_of_each_frame(
    spade: FaceVid2Vid, motion: Motion, golden: Mapping[str, np.ndarray]
) -> None:
    pixels = torch.from_numpy(np.float32(golden["inputs_uint8"] / 255.0)).permute(0, 3, 1, 2).contiguous()

    out = spade.estimator(pixels)

    for name in ("yaw", "pitch", "roll"):
        assert_equal(out[name], golden[f"he_{name}"])
    assert_equal(out["translation"], golden["he_t"])
    assert_equal(out["expression"], golden["he_exp"])
    assert_equal(motion.poses.translation, golden["he_t"][1:])
    assert_equal(motion.poses.expression, golden["he_exp"][1:])
    last = motion.poses[3:4]
    angles = torch.cat((last.yaw, last.pitch, last.roll))
    # Degrees, not the -1..1 of the other arrays: 33 bins away, float32 resolves no more than this.
    assert_equal(angles, golden["drv3_yaw_pitch_roll_degrees"], mean=2e-4)
    assert_equal(rotation_matrix(last.yaw, last.pitch, last.roll), golden["drv3_rotation_matrix"])


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("absolute", MotionMode("absolute")),
        ("relative_adapt", MotionMode("relative")),
        ("freeview", MotionMode("relative", options=FREE_VIEW)),
    ],
)
def test_driving_keypoints_of_each_frame(
    name: str, mode: MotionMode, spade: FaceVid2Vid, source: Source, motion: Motion, golden: Mapping[str, np.ndarray]
) -> None:
    assert_equal(spade.driving_keypoints(source, motion, mode), golden[f"kp_driving_norm_{name}"])


@pytest.mark.parametrize(
    ("name", "frames", "mode"),
    [
        ("pred_absolute", (0, 3), MotionMode("absolute")),
        # Relative motion starts from the first frame, so clips keep it. Keypoints are compared for every frame above.
        ("pred_relative_adapt", (0, 3), MotionMode("relative")),
        ("pred_freeview", (0, 2), MotionMode("relative", options=FREE_VIEW)),
        pytest.param(
            "pred_relative_noadapt_frame3",
            (0, 3),
            MotionMode("relative", options={"adapt_scale": False}),
            marks=pytest.mark.soak,
        ),
        pytest.param(
            "pred_freeview_absolute_yawonly20_frame3",
            (3,),
            MotionMode("absolute", options={"yaw": 20}),
            marks=pytest.mark.soak,
        ),
    ],
)
def test_frames_of_each_mode(
    name: str,
    frames: tuple[int, ...],
    mode: MotionMode,
    spade: FaceVid2Vid,
    source: Source,
    golden: Mapping[str, np.ndarray],
) -> None:
    pictures = list(spade.render(source, clip(spade, golden, *frames), mode))

    if golden[name].ndim == 3:
        assert_equal(pictures[-1], golden[name])
    else:
        assert_equal(pictures, golden[name][list(frames)])


@torch.inference_mode()
def test_warps_of_the_last_frame(
    spade: FaceVid2Vid, source: Source, motion: Motion, golden: Mapping[str, np.ndarray]
) -> None:
    last = Motion(motion.poses[3:4], None)

    warp = spade.renderer.warp(
        source.appearance, spade.driving_keypoints(source, last, MotionMode("absolute")), Buffers()
    )
    turned = spade.renderer.warp(
        source.appearance, spade.driving_keypoints(source, last, MotionMode("absolute", options={"yaw": 20})), Buffers()
    )

    assert_equal(warp.occlusion, golden["absolute_frame3_occlusion_map"])
    assert_equal(warp.mask[:, :, 8], golden["absolute_frame3_mask_depth8"])
    # Stored in float16, whose steps near 1 are 1e-3.
    stored = golden["freeview_absolute_yawonly20_frame3_deformation"].astype(np.float64)
    assert_equal(turned.deformation, stored, mean=2e-4, maximum=1e-3)


def test_bfloat16_stays_near_the_published_frames(files: Mapping[str, Path], golden: Mapping[str, np.ndarray]) -> None:
    generator = create("face-vid2vid", weights=files["spade"], device="cpu", dtype="bfloat16")
    assert isinstance(generator, FaceVid2Vid)
    portrait = generator.encode_source(Face(golden["inputs_uint8"][0]))

    (frame,) = generator.render(portrait, clip(generator, golden, 3), MotionMode("absolute"))

    assert_equal(frame, golden["pred_absolute"][3], mean=1e-2, maximum=0.2)


def test_the_original_variant(files: Mapping[str, Path], golden: Mapping[str, np.ndarray]) -> None:
    generator = create("face-vid2vid", weights=files["original"], device="cpu")
    assert isinstance(generator, FaceVid2Vid)
    assert generator.variant == "original"
    portrait = generator.encode_source(Face(golden["inputs_uint8"][0]))

    (frame,) = generator.render(portrait, clip(generator, golden, 3), MotionMode("absolute"))

    assert_equal(frame, golden["pred_original_generator_absolute_frame3"])
