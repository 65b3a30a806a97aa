"""The drawn inside of a mouth: teeth, tongue and depth, lips that close without a trace."""

import numpy as np
import pytest

from generators import GeneratorError, MotionMode, create, to_uint8
from generators.expression_measures import expression_measures
from generators.face import Face
from generators.warp.drawn_mouth import DrawnMouth
from generators.warp.neutral import with_measures
from generators.warp.topology import MOUTH
from tests.generators.warp.acting import act, performance

VARIANTS = ("warp-dense", "warp-tps", "warp-parts")
BLANK = np.zeros((256, 256, 3), np.uint8)


def drawn(name, portrait, meshes):
    generator = create(name, mouth="drawn")
    return list(generator.render_meshes(generator.encode_source(portrait), meshes))


def raised_lip(mesh, by, jaw):
    """The mesh with its jaw dropped and its upper lip raised by `by` pixels, as when teeth are bared."""
    moved = act(mesh, jaw=jaw)
    for row in (MOUTH.upper, *MOUTH.upper_rings):
        moved[list(row), 1] -= by * np.sin(np.pi * np.arange(1, 10) / 10)
    return moved


def column(frame, mesh):
    """Brightness of the pixels from the upper to the lower lip, beside the middle, where no line between teeth is."""
    (x, top), (_, bottom) = mesh[13, :2], mesh[14, :2]
    shift = 0.06 * np.linalg.norm(mesh[61, :2] - mesh[291, :2])
    return frame[round(top) + 1 : round(bottom), round(x + shift)].mean(axis=-1)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_portraits_own_mesh_gives_the_portrait_back(name, astronaut, hopper):
    for portrait in (astronaut, hopper):
        (frame,) = drawn(name, portrait, portrait.mesh[None])
        off = np.abs(to_uint8(frame, (0.0, 255.0)).astype(int) - portrait.image).max(axis=2)
        assert np.mean(off > 2) < 0.002


@pytest.mark.parametrize("name", VARIANTS)
def test_an_open_mouth_has_bright_teeth_above_a_tongue_and_depth_between_them(name, hopper):
    mesh = act(hopper.mesh, jaw=0.45)
    (frame,) = drawn(name, hopper, [mesh])
    skin = frame[int(mesh[50, 1]), int(mesh[50, 0])].mean()
    inside = column(frame, mesh)
    third = len(inside) // 3
    assert inside[:third].max() > 0.6 * skin
    assert inside[third : 2 * third].min() < 0.3 * skin
    x, y = (mesh[13] + 0.8 * (mesh[14] - mesh[13]))[:2].round().astype(int)
    red, green, blue = frame[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).mean(axis=0)
    assert red > 1.3 * max(green, blue)


def test_a_raised_lip_bares_teeth_that_stay_in_the_skull(hopper):
    frames, meshes = [], [raised_lip(hopper.mesh, by, jaw=0.3) for by in (5.0, 8.0)]
    frames = drawn("warp-dense", hopper, meshes)
    skin = hopper.image[int(hopper.mesh[50, 1]), int(hopper.mesh[50, 0])].mean()
    lower_ends, counts = [], []
    for frame, mesh in zip(frames, meshes, strict=True):
        bright = np.flatnonzero(column(frame, mesh)[: len(column(frame, mesh)) // 2] > 0.5 * skin)
        lower_ends.append(round(mesh[13, 1]) + 1 + bright.max())
        counts.append(len(bright))
    assert counts[1] >= counts[0] + 2
    assert abs(lower_ends[1] - lower_ends[0]) <= 1


def test_a_turned_head_takes_its_teeth_along(hopper):
    mouth = DrawnMouth.of(hopper.image.astype(np.float32), hopper.mesh)
    straight, turned = (mouth.teeth_of(act(hopper.mesh, jaw=0.2, roll=roll)) for roll in (0.0, 25.0))
    across = turned.lower - turned.upper
    assert np.degrees(np.arctan2(-across[0], across[1])) == pytest.approx(25.0, abs=3.0)
    assert np.linalg.norm(across) == pytest.approx(np.linalg.norm(straight.lower - straight.upper), rel=0.1)


def test_a_dropped_jaw_takes_the_lower_teeth_along_and_leaves_the_upper_ones(hopper):
    mouth = DrawnMouth.of(hopper.image.astype(np.float32), hopper.mesh)
    eyes = np.linalg.norm(hopper.mesh[33] - hopper.mesh[263])
    shut, open_ = mouth.teeth_of(hopper.mesh.astype(np.float64)), mouth.teeth_of(act(hopper.mesh, jaw=0.3))
    np.testing.assert_allclose(open_.upper, shut.upper, atol=0.3)
    assert open_.lower[1] - shut.lower[1] == pytest.approx(0.3 * eyes, rel=0.15)


@pytest.mark.parametrize("name", VARIANTS)
def test_lips_that_close_show_no_trace_of_the_mouth(name, astronaut, hopper):
    """Between lips that touch nothing is as bright as the teeth are where the same portrait's mouth is open."""
    for portrait in (hopper, astronaut):
        rest = expression_measures(portrait.mesh[None])[0]
        closed = with_measures(portrait.mesh.astype(np.float64), [*rest[:2], 0.0, *rest[3:]])
        opened = act(portrait.mesh, jaw=0.3)
        frames = drawn(name, portrait, [closed, opened])
        x, y = ((closed[list(MOUTH.upper), :2] + closed[list(MOUTH.lower), :2]) / 2).round().astype(int)[2:-2].T
        assert frames[0][y, x].mean(axis=-1).max() < 0.85 * column(frames[1], opened).max()


def test_a_nearly_closed_mouth_is_dim(hopper):
    parted, opened = act(hopper.mesh, jaw=0.05), act(hopper.mesh, jaw=0.3)
    dim, bright = (
        frame[int(mesh[13, 1]) : int(mesh[14, 1]) + 1, int(mesh[13, 0]) - 6 : int(mesh[13, 0]) + 7].max()
        for frame, mesh in zip(drawn("warp-dense", hopper, [parted, opened]), (parted, opened), strict=True)
    )
    assert dim < 0.85 * bright


def test_teeth_that_the_portrait_shows_are_not_drawn_over(astronaut):
    mesh = act(astronaut.mesh, jaw=0.25)
    (frame,) = drawn("warp-dense", astronaut, [mesh])
    x, y = astronaut.mesh[13, :2].round().astype(int)
    rows, columns = np.s_[y + 2 : y + 5], np.s_[x - 6 : x + 7]
    assert np.abs(frame[rows, columns] - astronaut.image[rows, columns].astype(float)).mean() < 15


def test_the_inside_is_within_the_lips_and_the_frame_within_its_range(hopper):
    for mesh in performance(hopper.mesh, 12):
        mesh = mesh.astype(np.float64)
        (frame,), (plain,) = (
            drawn("warp-dense", hopper, [mesh]),
            create("warp-dense").render_meshes(create("warp-dense").encode_source(hopper), [mesh]),
        )
        assert frame.min() >= -1e-3
        assert frame.max() <= 255.001
        rows, columns = np.nonzero(np.abs(frame - plain).sum(axis=2) > 1)
        lips = mesh[[*MOUTH.contour], :2]
        if len(rows):
            assert lips[:, 1].min() - 4 < rows.min()
            assert rows.max() < lips[:, 1].max() + 4
            assert lips[:, 0].min() - 4 < columns.min()
            assert columns.max() < lips[:, 0].max() + 4


def test_a_larger_picture_shows_the_same_mouth(hopper):
    import cv2

    large_portrait = Face(cv2.resize(hopper.image, (512, 512), interpolation=cv2.INTER_LINEAR), hopper.mesh * 2)
    mesh = act(hopper.mesh, jaw=0.35, yaw=8)
    small, large = create("warp-dense", mouth="drawn"), create("warp-dense", mouth="drawn", size=512)
    (a,) = small.render_meshes(small.encode_source(hopper), [mesh])
    (b,) = large.render_meshes(large.encode_source(large_portrait), [2 * mesh])
    x, y = mesh[[13, 14]].mean(axis=0)[:2].round().astype(int)
    region = np.s_[y - 20 : y + 21, x - 25 : x + 26]
    assert np.abs(cv2.resize(b, (256, 256), interpolation=cv2.INTER_AREA) - a)[region].mean() < 6


def test_the_mouth_is_part_of_the_fingerprint_and_the_plain_one_of_none():
    plain, painted = create("warp-dense"), create("warp-dense", mouth="drawn")
    assert plain.fingerprint() == create("warp-dense", mouth="plain").fingerprint()
    assert plain.fingerprint() != painted.fingerprint()
    # As they were before mouths could be chosen: sets that exist are not rendered again.
    assert [create(name).fingerprint()[:12] for name in VARIANTS] == ["d5fe506d4c0a", "5eb058b28b1f", "a85a9fa50899"]


def test_an_unknown_mouth_is_refused():
    with pytest.raises(GeneratorError, match="warp-dense: mouth must be one of plain, drawn; got 'open'"):
        create("warp-dense", mouth="open")


def test_a_clip_renders_in_every_mode(hopper, astronaut):
    generator = create("warp-dense", mouth="drawn")
    source = generator.encode_source(astronaut)
    motion = generator.encode_motion([Face(BLANK, mesh) for mesh in performance(hopper.mesh, 6)])
    for mode in (MotionMode(), MotionMode(reference="best"), MotionMode(reference="neutral"), MotionMode("absolute")):
        assert len(list(generator.render(source, motion, mode))) == 6
