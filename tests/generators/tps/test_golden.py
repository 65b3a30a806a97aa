"""The published implementation's own outputs, from a checkpoint file through the protocol.

Marks: mean 5e-5 and worst pixel 5e-3 for pictures and maps (the published code in float32 is itself 3.2e-4 from its
float64 self in the worst pixel; random keypoints make nearly singular splines), 1e-5 for keypoints.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from generators import Face, MotionMode, create
from generators.tps.inpainting import warp
from generators.tps.layout import LAYOUT
from tests.generators.published_weights import filled

MODES = {
    "standard": MotionMode("absolute"),
    "relative": MotionMode("relative"),
    "avd": MotionMode("absolute", options={"avd": True}),
}


@pytest.fixture(scope="module")
def golden(shared):
    with np.load(shared / "generators" / "tps_golden.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def golden_file(shared, tmp_path_factory):
    path = tmp_path_factory.mktemp("golden") / "vox.pth.tar"
    checkpoint = filled(shared / "generators", "tps_manifest.json", {**LAYOUT.required, **LAYOUT.optional})
    torch.save({**checkpoint, "epoch": 1}, path)
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def generator(golden_file):
    return create("tps", weights=golden_file, device="cpu")


@pytest.fixture(scope="module")
def pair(generator, golden):
    faces = [Face(image) for image in golden["inputs_uint8"]]
    return generator.encode_source(faces[0]), generator.encode_motion(faces[1:])


def near(result, expected, mean=5e-5, worst=5e-3):
    difference = np.abs(np.asarray(result, dtype=np.float64) - expected)
    assert difference.shape == expected.shape
    assert difference.mean() < mean
    assert difference.max() < worst


def test_source_keypoints(pair, golden):
    near(pair[0].keypoints, golden["kp_source"], 1e-6, 1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_keypoints_of_each_mode(generator, pair, golden, mode):
    keypoints, _ = generator.targets(*pair, MODES[mode])
    near(keypoints, golden[f"kp_norm_{mode}"], 1e-6, 1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_frames_of_each_mode(generator, pair, golden, mode):
    near(np.stack(list(generator.render(*pair, MODES[mode]))), golden[f"pred_{mode}"])


def test_the_motion_field_of_one_frame(generator, pair, golden):
    source, motion = pair
    field = generator.field(source, motion.keypoints[3:], motion.inverses[3:])
    near(field.contributions, golden["standard_frame3_contribution_maps"])
    near(field.deformation, golden["standard_frame3_deformation"])
    for index, occlusion in enumerate(field.occlusions):
        near(occlusion, golden[f"standard_frame3_occlusion_{index}"])
    picture = source.maps[-1]
    # Stored in float16: 4.9e-4 is half a unit of it near 1.
    near(warp(picture, field.deformation), golden["standard_frame3_deformed"].astype(np.float64), 3e-4)


def test_the_background_predictor(generator, golden):
    pictures = torch.from_numpy(np.float32(golden["inputs_uint8"] / 255.0)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        result = generator.background_predictor(pictures[:1], pictures[4:])
    near(result, golden["bg_param_source_drv3"], 1e-6, 1e-5)


def test_bfloat16_convolutions_stay_near_the_golden_frames(golden_file, golden, pair):
    half = create("tps", weights=golden_file, device="cpu", dtype="bfloat16")
    near(next(half.render(*pair, MODES["standard"])), golden["pred_standard"][0], 2e-3, 0.04)
