"""LIA as a `Generator`, on a seeded narrow network with the published structure."""

import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from generators import Face, Generator, GeneratorError, MotionMode, to_uint8
from generators.lia import Lia
from generators.lia.latent import SWEEP
from generators.lia.network import Architecture
from tests.generators.lia.networks import NARROW, pictures, seeded
from tests.generators.lia.networks import narrow_lia as lia


def faces(count: int, seed: int = 0) -> list[Face]:
    images = to_uint8(pictures(count, seed=seed).permute(0, 2, 3, 1).numpy(), (-1.0, 1.0))
    meshes = np.random.default_rng(seed).uniform(0, NARROW.size, size=(count, 478, 3)).astype(np.float32)
    return [Face(image, mesh) for image, mesh in zip(images, meshes, strict=True)]


def frames_of(generator: Lia, portrait: Face, driving: list[Face], mode: MotionMode) -> np.ndarray:
    source, motion = generator.encode_source(portrait), generator.encode_motion(iter(driving))
    return np.stack(list(generator.render(source, motion, mode)))


def plain_frames(portrait: Face, driving: list[Face], reference: int | None) -> np.ndarray:
    """The same frames by the plain modules, everything redone for each frame as a demo would."""
    network = seeded()

    def image(face: Face) -> torch.Tensor:
        return (torch.from_numpy(face.image).permute(2, 0, 1)[None] / 255.0 - 0.5) * 2.0

    def code(face: Face) -> torch.Tensor:
        return network.enc.fc(network.enc.net_app(image(face))[0])

    frames = []
    for face in driving:
        style, features = network.enc.net_app(image(portrait))
        latent = style + network.dec.direction(code(face))
        if reference is not None:
            latent = latent - network.dec.direction(code(driving[reference])) + network.dec.direction(code(portrait))
        frames.append(network.dec(latent, features)[0][0].permute(1, 2, 0).numpy())
    return np.stack(frames)


@pytest.mark.parametrize(
    ("mode", "reference"),
    [(MotionMode("absolute"), None), (MotionMode("relative"), 0), (MotionMode("relative", reference=2), 2)],
)
def test_rendered_frames_are_those_of_the_plain_modules(mode, reference):
    portrait, *driving = faces(5)
    ours = frames_of(lia(), portrait, driving, mode)
    assert ours.dtype == np.float32
    assert ours.shape == (4, NARROW.size, NARROW.size, 3)
    expected = plain_frames(portrait, driving, reference)
    np.testing.assert_allclose(ours, expected, atol=2e-4)
    assert np.abs(expected[1] - expected[2]).max() > 0.01


@pytest.mark.parametrize("batch", [3, 64])
def test_frames_in_batches_are_the_same_frames(batch):
    portrait, *driving = faces(6)
    one_by_one = frames_of(lia(), portrait, driving, MotionMode())
    np.testing.assert_allclose(frames_of(lia(batch=batch), portrait, driving, MotionMode()), one_by_one, atol=2e-4)


def test_a_clip_longer_than_a_block_of_styles_keeps_its_order():
    generator = lia()
    source, motion = generator.encode_source(faces(1)[0]), generator.encode_motion(faces(3, seed=1))
    long = replace(motion, codes=np.resize(motion.codes, (70, NARROW.motion)), meshes=None)
    once = list(generator.render(source, motion, MotionMode("absolute")))
    for index, frame in enumerate(generator.render(source, long, MotionMode("absolute"))):
        np.testing.assert_allclose(frame, once[index % 3], atol=2e-4)
    assert index == 69


def test_a_portrait_driven_by_itself_relatively_is_driven_absolutely():
    (portrait,) = faces(1)
    relative = frames_of(lia(), portrait, [portrait], MotionMode("relative"))
    np.testing.assert_allclose(relative, frames_of(lia(), portrait, [portrait], MotionMode("absolute")), atol=1e-4)


def test_best_reference_is_the_driving_frame_with_the_portraits_mesh():
    portrait, *driving = faces(5)
    driving[3] = Face(driving[3].image, portrait.mesh * 1.5 + 4.0)  # the same face, nearer and elsewhere
    best = frames_of(lia(), portrait, driving, MotionMode(reference="best"))
    np.testing.assert_array_equal(best, frames_of(lia(), portrait, driving, MotionMode(reference=3)))


def test_best_reference_without_meshes_is_refused():
    portrait, *driving = faces(3)
    bare = [Face(face.image) for face in driving]
    with pytest.raises(GeneratorError, match="needs the mesh of every driving frame"):
        frames_of(lia(), portrait, bare, MotionMode(reference="best"))


def test_motion_is_read_as_a_stream_and_kept_small():
    generator, taken = lia(batch=2), []

    def clip():
        for index, face in enumerate(faces(6)):
            taken.append(index)
            yield face

    encode, seen = generator._encoder.forward, []

    def watched(images):
        seen.append((len(taken), len(images)))
        return encode(images)

    generator._encoder.forward = watched
    motion = generator.encode_motion(clip())
    assert seen == [(2, 2), (4, 2), (6, 2)]
    assert motion.codes.shape == (6, NARROW.motion)
    assert motion.codes.nbytes + motion.meshes.nbytes < 6 * 478 * 3 * 4 + 1000


def test_rendering_is_lazy_frame_by_frame():
    generator, calls = lia(), []
    decode = generator._decode
    generator._decode = lambda *args: calls.append(1) or decode(*args)
    portrait, *driving = faces(5)
    frames = generator.render(generator.encode_source(portrait), generator.encode_motion(driving), MotionMode())
    assert len(calls) == 0
    next(frames)
    assert len(calls) == 1
    assert len(list(frames)) == 3


def test_rendered_frames_do_not_share_memory():
    portrait, *driving = faces(3)
    generator = lia()
    first, second = generator.render(generator.encode_source(portrait), generator.encode_motion(driving), MotionMode())
    before = second.copy()
    first[:] = 9.0
    np.testing.assert_array_equal(second, before)


def test_linear_manipulation_moves_the_portraits_own_motion_in_both_forms():
    portrait, *driving = faces(4)
    generator = lia()
    source, motion = generator.encode_source(portrait), generator.encode_motion(driving)
    deltas = [{1: -2.0}, {1: 0.0}, {1: 2.0}]
    by_function = np.stack(list(generator.linear_manipulation(source, deltas)))
    mode = MotionMode(options={"linear_manipulation": {1: [-2.0, 0.0, 2.0]}})
    by_option = np.stack(list(generator.render(source, motion, mode)))
    np.testing.assert_allclose(by_option, by_function, atol=1e-4)
    self_driven = replace(motion, codes=source.code[None] + np.eye(NARROW.motion, dtype=np.float32)[[1]] * 2.0)
    (expected,) = generator.render(source, self_driven, MotionMode("absolute"))
    np.testing.assert_allclose(by_function[2], expected, atol=1e-4)
    assert np.abs(by_function[2] - by_function[0]).max() > 0.01


def test_linear_manipulation_sweeps_and_refuses_nothing_to_do():
    generator = lia()
    source = generator.encode_source(faces(1)[0])
    assert len(list(generator.linear_manipulation(source, ({2: delta} for delta in SWEEP)))) == 16
    with pytest.raises(GeneratorError, match="no deltas"):
        generator.linear_manipulation(source, [])


def test_stretch_is_off_by_default_and_spans_black_to_white_when_asked():
    portrait, *driving = faces(4)
    plain = frames_of(lia(), portrait, driving, MotionMode())
    assert np.array_equal(frames_of(lia(), portrait, driving, MotionMode(options={"clip_stretch": False})), plain)
    stretched = frames_of(lia(), portrait, driving, MotionMode(options={"clip_stretch": True}))
    levels = to_uint8(stretched, Lia.value_range)
    clamped = np.clip(plain, -1.0, 1.0)
    expected = np.floor((clamped - clamped.min()) / (clamped.max() - clamped.min()) * 255.0)
    assert levels.min() == 0
    assert levels.max() == 255
    assert np.abs(levels - expected).max() <= 1
    assert not np.array_equal(levels, to_uint8(plain, Lia.value_range))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # the compiler's own deprecations are not ours
@pytest.mark.parametrize("compiler", ["graphs alone", pytest.param("C++", marks=pytest.mark.soak)])
def test_compiled_decoder_renders_the_same_frames_with_a_last_batch_that_is_not_full(compiler, monkeypatch):
    if compiler == "graphs alone":  # run by torch's own operations
        monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    elif shutil.which("g++") is None:
        pytest.skip("compiling for a CPU needs g++")
    small = Architecture(size=16, style=8, motion=3, width=8)
    images = to_uint8(pictures(6, 16).permute(0, 2, 3, 1).numpy(), (-1.0, 1.0))
    portrait, *driving = [Face(image) for image in images]
    plain, compiled = (lia(small, batch=3, compile=compile) for compile in (False, True))
    ours = frames_of(compiled, portrait, driving, MotionMode())
    assert ours.shape == (5, 16, 16, 3)
    np.testing.assert_allclose(ours, frames_of(plain, portrait, driving, MotionMode()), atol=1e-4)


def test_faces_of_another_size_are_refused_with_their_place_and_both_sizes():
    generator = lia(batch=2)
    small = Face(np.zeros((32, 48, 3), dtype=np.uint8))
    with pytest.raises(GeneratorError, match=r"the portrait is 48x32 pixels, expected 64x64"):
        generator.encode_source(small)
    with pytest.raises(GeneratorError, match="driving frame 3 is 48x32"):
        generator.encode_motion([*faces(3), small])


def test_an_empty_clip_is_refused():
    with pytest.raises(GeneratorError, match="no frames"):
        lia().encode_motion([])


def test_mistaken_modes_are_refused_before_any_frame():
    generator = lia()
    portrait, *driving = faces(3)
    source, motion = generator.encode_source(portrait), generator.encode_motion(driving)
    with pytest.raises(GeneratorError, match=r"brightness.*clip_stretch"):
        generator.render(source, motion, MotionMode(options={"brightness": 1}))
    with pytest.raises(GeneratorError, match="true or false"):
        generator.render(source, motion, MotionMode(options={"clip_stretch": "yes"}))
    with pytest.raises(GeneratorError, match="reference frame 2"):
        generator.render(source, motion, MotionMode(reference=2))


def test_a_batch_of_nothing_is_refused():
    with pytest.raises(GeneratorError, match="at least 1"):
        lia(batch=0)


def test_it_is_a_generator_and_says_what_it_is():
    generator = lia()
    assert isinstance(generator, Generator)
    assert (generator.name, generator.licence, generator.value_range) == ("lia", "CC-BY-NC-4.0", (-1.0, 1.0))
    assert generator.needs_image
    assert not generator.needs_mesh
    assert generator.framing.size == generator.size == NARROW.size


def test_fingerprint_follows_weights_and_precision_but_not_how_the_work_is_cut():
    same = lia().fingerprint()
    assert lia(batch=4).fingerprint() == same
    assert lia(sha256="cd").fingerprint() != same
    assert lia(dtype=torch.bfloat16).fingerprint() != same
