"""The proof of the warp family: an outside landmarker finds the driver's motion in the pictures."""

from itertools import islice

import numpy as np
import pytest

from generators import Face, MotionMode, create, to_uint8
from tests.generators.warp import facemesh
from tests.generators.warp.acting import performance

VARIANTS = ("warp-dense", "warp-tps", "warp-parts")


def read_back(name, portrait, driving, mode):
    """Shares of frames with a face, and correlations of mouth, eyes and the three angles with the driver's."""
    generator = create(name)
    source, motion = generator.encode_source(portrait), generator.encode_motion(driving)
    frames = [to_uint8(f, generator.value_range) for f in generator.render(source, motion, mode)]
    meshes = facemesh.track(frames)
    seen = np.array([mesh is not None for mesh in meshes])
    tracked = np.stack([mesh for mesh in meshes if mesh is not None])
    driver = np.stack([face.mesh for face in driving])[seen]
    pairs = [(f(tracked), f(driver)) for f in (facemesh.mouth_opening, facemesh.eye_opening)]
    pairs += list(zip(facemesh.head_angles(tracked).T, facemesh.head_angles(driver).T, strict=True))
    return seen, [facemesh.correlation(a, b) for a, b in pairs]


def acted(mesh):
    blank = np.zeros((256, 256, 3), np.uint8)
    return [Face(blank, m) for m in performance(mesh)]


@pytest.mark.parametrize("kind", ["relative", "absolute"])
@pytest.mark.parametrize("name", VARIANTS)
def test_an_acted_performance_is_seen_in_the_other_portrait(name, kind, astronaut, hopper):
    for driver, target in ((astronaut, hopper), (hopper, astronaut)):
        seen, (mouth, eyes, *angles) = read_back(name, target, acted(driver.mesh), MotionMode(kind))
        assert seen.mean() >= 0.99
        assert mouth >= 0.8
        assert eyes >= 0.6
        assert min(angles) >= 0.8


def test_the_judge_condemns_a_still_portrait(hopper):
    meshes = np.stack(facemesh.track([hopper.image] * 48))
    driver = performance(hopper.mesh)
    assert facemesh.correlation(facemesh.mouth_opening(meshes), facemesh.mouth_opening(driver)) < 0.6
    assert facemesh.correlation(facemesh.eye_opening(meshes), facemesh.eye_opening(driver)) < 0.6


CLIPS = (
    "hdtf/WDA_AlexandriaOcasioCortez_000.mp4",
    "mead/W011_front_surprised_level3_001.mp4",
    "web/driving1.mp4",
    "grid/bbaf2n.mpg",
)


@pytest.fixture(scope="module")
def drivers(shared):
    import av

    drivers = {}
    for clip in CLIPS:
        with av.open(str(shared / "clips" / clip)) as container:
            # Every second picture: motion from 80 pictures for the work of 40.
            frames = [f.to_ndarray(format="rgb24") for f in islice(container.decode(video=0), 0, 80, 2)]
        meshes = facemesh.track(frames)
        valid = [i for i, mesh in enumerate(meshes) if mesh is not None]
        drivers[clip] = facemesh.framed([frames[i] for i in valid], [meshes[i] for i in valid])
    return drivers


@pytest.fixture(scope="module")
def targets(shared, portraits):
    from PIL import Image

    picture = np.array(Image.open(shared / "portraits" / "C1003.png").convert("RGB"))
    return {"hopper": portraits["hopper"], "C1003": facemesh.portrait(picture)}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["relative", "absolute"])
@pytest.mark.parametrize("name", VARIANTS)
def test_the_motion_of_real_clips_is_seen_on_every_portrait(name, kind, drivers, targets):
    seen, scores = [], []
    for portrait in targets.values():
        for driving in drivers.values():
            frames_seen, correlations = read_back(name, portrait, driving, MotionMode(kind, "best"))
            seen.append(frames_seen)
            scores.append(correlations)
    mouth, eyes, *angles = np.median(scores, axis=0)
    print(f"{name} {kind}: {mouth=:.2f} {eyes=:.2f} yaw, pitch, roll = {np.round(angles, 2)}")
    assert np.concatenate(seen).mean() >= 0.99
    assert mouth >= 0.8
    assert eyes >= 0.6
    assert min(angles) >= 0.8
