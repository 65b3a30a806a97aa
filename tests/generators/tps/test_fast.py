"""What is run against what is defined: every fast part gives its plain network's values."""

from __future__ import annotations

import pytest
import torch

from generators.checkpoint import load_strict
from generators.tps import thin_plate
from generators.tps.animation import AvdNetwork
from generators.tps.dense_motion import DenseMotion, split
from generators.tps.fast_inpainting import FastInpainting
from generators.tps.fast_motion import FastDenseMotion
from generators.tps.folding import folded_avd, folded_detector
from generators.tps.inpainting import Inpainting
from generators.tps.keypoints import KeypointDetector


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.inference_mode():
        yield


def filled(build, state):
    module = build().eval()
    load_strict(module, state, where="test")
    return module


def pictures(faces):
    return torch.stack([torch.from_numpy(face.image).permute(2, 0, 1) / 255 for face in faces])


def test_the_folded_detector_has_no_batch_norm_and_the_same_keypoints(checkpoint, faces):
    plain = filled(KeypointDetector, checkpoint["kp_detector"])
    folded = folded_detector(plain)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    expected, result = plain(pictures(faces)), folded(pictures(faces))
    assert expected.std() > 0.01  # the keypoints are not all one value
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-5)


def test_the_folded_avd_network_has_no_batch_norm_and_the_same_keypoints(checkpoint):
    plain = filled(AvdNetwork, checkpoint["avd_network"])
    folded = folded_avd(plain)
    assert not any(isinstance(module, torch.nn.BatchNorm1d) for module in folded.modules())
    source, driving = torch.rand(1, 50, 2) * 2 - 1, torch.rand(3, 50, 2) * 2 - 1
    torch.testing.assert_close(folded(source, driving), plain(source, driving), rtol=0, atol=1e-5)


def test_avd_keeps_the_sources_shape_and_takes_the_drivers_pose(checkpoint):
    network = filled(AvdNetwork, checkpoint["avd_network"])
    a, b = torch.rand(1, 50, 2), torch.rand(1, 50, 2)
    pose, shape = network.pose_encoder(b.flatten(1)), network.id_encoder(a.flatten(1))
    expected = network.decoder(torch.cat((pose, shape), dim=1)).view(1, 50, 2)
    torch.testing.assert_close(network(a, b), expected)


@pytest.fixture(scope="module")
def keypoints():
    random = torch.Generator().manual_seed(3)
    source = torch.rand(1, 50, 2, generator=random) * 1.6 - 0.8
    return source, source + 0.1 * torch.randn(2, 50, 2, generator=random)


def test_one_frame_of_the_fast_networks_is_the_plain_ones(checkpoint, faces, keypoints):
    image, (source, driving) = pictures(faces[:1]), keypoints
    motion = filled(DenseMotion, checkpoint["dense_motion_network"])
    inpainting = filled(Inpainting, checkpoint["inpainting_network"])
    expected_field = motion(image, source, driving[:1])
    expected = inpainting(image, expected_field)
    fast_motion, fast = FastDenseMotion(motion), FastInpainting(inpainting, torch.float32)
    field = fast_motion(fast_motion.prepare(image, source), driving[:1], thin_plate.inverse(split(driving[:1])))
    assert expected_field.contributions.amax() > 0.3  # no uniform mixture
    torch.testing.assert_close(field.contributions, expected_field.contributions, rtol=0, atol=5e-4)
    torch.testing.assert_close(field.deformation, expected_field.deformation, rtol=0, atol=1e-4)
    for ours, theirs in zip(field.occlusions, expected_field.occlusions, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-3)
    frame = fast(fast.prepare(image), field)
    assert (frame - expected).abs().mean() < 2e-5
    assert (frame - expected).abs().max() < 2e-3


def test_frames_in_one_call_are_the_frames_one_by_one(checkpoint, faces, keypoints):
    image, (source, driving) = pictures(faces[:1]), keypoints
    motion = FastDenseMotion(filled(DenseMotion, checkpoint["dense_motion_network"]))
    prepared, inverse = motion.prepare(image, source), thin_plate.inverse(split(driving))
    together = motion(prepared, driving, inverse)
    for index in range(2):
        alone = motion(prepared, driving[index : index + 1], inverse[index : index + 1])
        torch.testing.assert_close(together.deformation[index : index + 1], alone.deformation, rtol=0, atol=1e-4)
        torch.testing.assert_close(together.occlusions[3][index : index + 1], alone.occlusions[3], rtol=0, atol=1e-3)
