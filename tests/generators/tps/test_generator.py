"""TPS through the protocol, from a checkpoint file: modes, streaming, errors."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
import torch

from generators import Face, Generator, GeneratorError, MotionMode, create
from generators import weights as store
from generators.face import MESH_POINTS

AVD = MotionMode("absolute", options={"avd": True})


@pytest.fixture(scope="module")
def generator(checkpoint_file):
    return create("tps", weights=checkpoint_file, device="cpu")


@pytest.fixture(scope="module")
def source(generator, faces):
    return generator.encode_source(faces[0])


@pytest.fixture(scope="module")
def motion(generator, faces):
    return generator.encode_motion(faces[1:3])


def frames(generator, source, motion, mode):
    return np.stack(list(generator.render(source, motion, mode)))


def test_it_is_a_generator_and_says_what_it_is(generator):
    assert isinstance(generator, Generator)
    assert (generator.name, generator.family, generator.size, generator.licence) == ("tps", "tps", 256, "MIT")
    assert generator.needs_image
    assert not generator.needs_mesh


@pytest.mark.parametrize("mode", [MotionMode("absolute"), MotionMode(), AVD], ids=["absolute", "relative", "avd"])
def test_frames_are_pictures_one_for_each_driving_frame(generator, source, motion, mode):
    out = frames(generator, source, motion, mode)
    assert out.shape == (2, 256, 256, 3)
    assert out.dtype == np.float32
    assert out.min() >= 0
    assert out.max() <= 1
    assert out.std() > 0.01
    assert np.abs(out[0] - out[1]).max() > 1e-3


def test_relative_motion_from_its_own_reference_shows_the_sources_keypoints(generator, source, motion):
    for reference in (0, 1):
        keypoints, _ = generator.targets(source, motion, MotionMode(reference=reference))
        torch.testing.assert_close(keypoints[reference], source.keypoints[0], rtol=0, atol=1e-6)


def test_the_best_reference_comes_from_the_meshes(generator, faces):
    random = np.random.default_rng(0)
    portrait = random.normal(size=(MESH_POINTS, 3)).astype(np.float32) * 50 + 128
    other = random.normal(size=(MESH_POINTS, 3)).astype(np.float32) * 50 + 128
    source = generator.encode_source(Face(faces[0].image, portrait))
    motion = generator.encode_motion([Face(faces[1].image, other), Face(faces[2].image, portrait * 2 + 5)])
    best, _ = generator.targets(source, motion, MotionMode(reference="best"))
    second, _ = generator.targets(source, motion, MotionMode(reference=1))
    torch.testing.assert_close(best, second, rtol=0, atol=0)


def test_the_best_reference_without_meshes_is_refused(generator, source, motion):
    with pytest.raises(GeneratorError, match="needs the mesh of the portrait"):
        generator.render(source, motion, MotionMode(reference="best"))


def test_a_reference_beyond_the_clip_is_refused(generator, source, motion):
    with pytest.raises(GeneratorError, match="reference frame 2 is outside the driving clip, which has 2 frames"):
        generator.render(source, motion, MotionMode(reference=2))


def test_an_option_that_is_no_truth_value_is_refused(generator, source, motion):
    with pytest.raises(GeneratorError, match="true or false, not 'no'"):
        generator.render(source, motion, MotionMode("absolute", options={"avd": "no"}))


def test_a_size_is_refused_with_the_frames_own_number_within_a_batch(generator, faces, monkeypatch):
    monkeypatch.setattr(generator, "batch", 3)
    with pytest.raises(GeneratorError, match="driving frame 4 is 8x8"):
        generator.encode_motion([*faces, Face(np.zeros((8, 8, 3), dtype=np.uint8)), faces[0]])


def test_unknown_options_and_relative_avd_are_refused_before_anything_is_rendered(generator, source, motion):
    with pytest.raises(GeneratorError, match="no option adapt: it knows avd"):
        generator.render(source, motion, MotionMode(options={"adapt": True}))
    with pytest.raises(GeneratorError, match="kind='absolute'"):
        generator.render(source, motion, MotionMode(options={"avd": True}))


def test_other_sizes_are_refused_with_the_frame(generator, faces):
    small = Face(np.zeros((128, 256, 3), dtype=np.uint8))
    with pytest.raises(GeneratorError, match="portrait is 256x128 pixels, expected 256x256"):
        generator.encode_source(small)
    with pytest.raises(GeneratorError, match="driving frame 1 is 256x128"):
        generator.encode_motion([faces[0], small])
    with pytest.raises(GeneratorError, match="no frames"):
        generator.encode_motion([])


def test_the_driving_clip_is_read_as_a_stream_and_not_kept(generator, faces):
    seen: list[weakref.ref[Face]] = []
    most = 0

    def clip():
        nonlocal most
        for k in range(6):
            face = Face(faces[k % 4].image.copy())
            seen.append(weakref.ref(face))
            most = max(most, sum(reference() is not None for reference in seen))
            yield face

    motion = generator.encode_motion(clip())
    assert len(motion.keypoints) == 6
    assert most <= 2 * generator.batch


def test_frames_are_painted_only_when_asked_for(generator, source, motion, monkeypatch):
    calls, paint = [], generator.paint
    monkeypatch.setattr(generator, "paint", lambda *arguments: calls.append(1) or paint(*arguments))
    stream = generator.render(source, motion, MotionMode())
    assert not calls
    next(stream)
    assert len(calls) == 1
    next(stream)
    assert len(calls) == 2


def test_a_stream_leaves_the_callers_gradients_as_they_were(generator, source, motion):
    stream = generator.render(source, motion, MotionMode())
    next(stream)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_the_motion_is_small(motion):
    held = motion.keypoints.nbytes + motion.inverses.nbytes
    assert held / len(motion.keypoints) <= 2100


def test_bfloat16_is_near_float32_and_has_its_own_fingerprint(generator, source, motion, checkpoint_file):
    half = create("tps", weights=checkpoint_file, device="cpu", dtype="bfloat16")
    mode = MotionMode("absolute")
    difference = np.abs(frames(half, source, motion, mode) - frames(generator, source, motion, mode))
    assert 0 < difference.mean() < 3e-3
    assert difference.max() < 0.05
    assert half.fingerprint() != generator.fingerprint()


def test_fingerprints_follow_the_weights(generator, source, motion, checkpoint, tmp_path):
    changed = {**checkpoint, "kp_detector": dict(checkpoint["kp_detector"])}
    changed["kp_detector"]["fg_encoder.fc.bias"] = changed["kp_detector"]["fg_encoder.fc.bias"] + 1
    changed.pop("avd_network")
    torch.save(changed, tmp_path / "other.pth")
    other = create("tps", weights=tmp_path / "other.pth", device="cpu")
    assert other.fingerprint() != generator.fingerprint()
    with pytest.raises(GeneratorError, match=r"'avd_network', which .*other\.pth lacks"):
        other.render(source, motion, AVD)


def test_registered_weights_are_the_same_generator_under_their_own_licence(
    generator, checkpoint_file, monkeypatch, tmp_path
):
    monkeypatch.setenv("NVFAIR_WEIGHTS", str(tmp_path))
    record = store.add(checkpoint_file, name="mine", licence="CC-BY-NC-4.0")
    assert record.modules == (
        "inpainting_network",
        "kp_detector",
        "dense_motion_network",
        "avd_network",
        "bg_predictor",
    )
    registered = create("tps", weights="mine", device="cpu")
    assert registered.licence == "CC-BY-NC-4.0"
    assert registered.fingerprint() == generator.fingerprint()
    store.remove("mine")


def test_a_checkpoint_that_does_not_fit_names_what_differs(checkpoint, tmp_path):
    broken = {module: dict(state) for module, state in checkpoint.items()}
    del broken["inpainting_network"]
    del broken["kp_detector"]["fg_encoder.fc.bias"]
    broken["kp_detector"]["fg_encoder.fc.weight"] = torch.zeros(20, 512)
    torch.save({key: broken[key] for key in ("kp_detector", "dense_motion_network")}, tmp_path / "broken.pth")
    with pytest.raises(GeneratorError) as caught:
        create("tps", weights=tmp_path / "broken.pth", device="cpu")
    for part in ("'inpainting_network' is missing", "1 missing: fg_encoder.fc.bias", "(20, 512), expected (100, 512)"):
        assert part in str(caught.value)


def test_weights_are_asked_for_where_none_are_given(monkeypatch, tmp_path):
    monkeypatch.setenv("NVFAIR_WEIGHTS", str(tmp_path))
    with pytest.raises(GeneratorError, match=r"tps needs weights.*nvfair weights add.*vox\.pth\.tar"):
        create("tps")
