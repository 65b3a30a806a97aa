import csv
import hashlib

import numpy as np
import pytest

pytest.importorskip("mediapipe")
pytest.importorskip("generators.warp")
pytest.importorskip("nvfair_tools.media.encoding")

from nvfair_tools.errors import NvfairError
from nvfair_tools.simulate.appearance import Appearance, frame_portrait, mirror_portrait
from nvfair_tools.simulate.person import Person
from nvfair_tools.simulate.portraits import measured_portraits
from nvfair_tools.simulate.settings import SourceSettings
from nvfair_tools.simulate.videos import CLIP_COLUMNS, PeopleSettings, write_people
from nvfair_tools.simulate.world import World
from tests.mediapipe_here import skip_without_landmarker

skip_without_landmarker()

SETTINGS = PeopleSettings(
    sources=(SourceSettings(name="sim", train=1, validation=0, test=1, texts=1),), clips=1, frames=20, seed=2
)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people") / "one"
    write_people(folder, SETTINGS, workers=1)
    return folder


def rows(folder):
    with open(folder / "clips.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_list_names_every_video_with_its_facts(people):
    listed = rows(people)
    assert len(listed) == 2
    assert tuple(listed[0]) == CLIP_COLUMNS
    for row in listed:
        assert (people / row["path"]).is_file()
        assert (people / row["portrait"]).is_file()
        assert row["consent"] == "simulated person"
        assert row["licence"] == "CC0-1.0"
    assert {row["split"] for row in listed} == {"train", "test"}


def test_videos_say_that_they_are_simulated_and_have_the_frames_planned(people):
    from nvfair_tools.media.probing import probe

    world = World(SETTINGS.cohort(), range(478))
    frames = {clip.identity: clip.frames for clip in world.clips.values()}
    for row in rows(people):
        info = probe(people / row["path"])
        assert info.metadata["simulated"] == "true"
        assert "simulated person" in info.metadata["comment"]
        assert info.frames == frames[row["identity"]]


def test_a_tracked_video_shows_the_face_where_it_was_drawn(people):
    from nvfair_tools.landmarks.landmarker import create_landmarker
    from nvfair_tools.media.decoding import decode

    world = World(SETTINGS.cohort(), range(478))
    landmarker = create_landmarker()
    for clip in world.clips.values():
        appearance = Appearance.from_person(world.person(clip.identity), SETTINGS.seed)
        drawn = appearance.meshes(world.states(clip.id))
        row = next(row for row in rows(people) if row["identity"] == clip.identity)
        landmarker.start()
        frames = [landmarker.find(frame.image) for frame in decode(people / row["path"])]
        assert all(len(meshes) == 1 for meshes in frames)
        tracked = np.array([meshes[0] for meshes in frames])
        distance = np.linalg.norm(tracked[..., :2] - drawn[..., :2], axis=2) / appearance.camera.eye_distance
        assert np.median(distance) < 0.06
        # It follows: the nose goes where the drawn one goes.
        for axis in (0, 1):
            if np.ptp(drawn[:, 4, axis]) > 8:
                assert np.corrcoef(tracked[:, 4, axis], drawn[:, 4, axis])[0, 1] > 0.9
    landmarker.close()


@pytest.mark.slow
def test_equal_settings_give_equal_bytes(people, tmp_path):
    write_people(tmp_path / "two", SETTINGS, workers=2)
    for path in sorted(people.rglob("*.*")):
        other = tmp_path / "two" / path.relative_to(people)
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(other.read_bytes()).digest(), path


def test_a_finished_folder_is_left_as_it_is_and_other_people_are_refused(people):
    before = {path: path.stat().st_mtime_ns for path in people.rglob("*.*")}
    assert write_people(people, SETTINGS) == people / "clips.csv"
    assert {path: path.stat().st_mtime_ns for path in people.rglob("*.*")} == before
    with pytest.raises(NvfairError, match="holds something else"):
        write_people(people, SETTINGS.model_copy(update={"seed": SETTINGS.seed + 1}))


def test_people_look_different_and_the_same_person_alike():
    first, again, other = (
        Appearance.from_person(Person.from_name(name, 1), 1) for name in ("sim:0001", "sim:0001", "sim:0002")
    )
    np.testing.assert_array_equal(first.image, again.image)
    assert np.abs(first.image.astype(int) - other.image).mean() > 3
    assert np.abs(first.rig.neutral - other.rig.neutral).max() > 0.03


def test_a_mirrored_portrait_has_its_mesh_on_its_face():
    (portrait, _) = measured_portraits()
    turned = mirror_portrait(portrait)
    assert turned.mesh[33, 0] < turned.mesh[263, 0]
    np.testing.assert_allclose(turned.mesh[33, 0], portrait.image.shape[1] - portrait.mesh[263, 0], atol=1e-3)
    cut = frame_portrait(turned, 128)
    assert cut.image.shape == (128, 128, 3)
    centre = (cut.mesh[:, :2].min(axis=0) + cut.mesh[:, :2].max(axis=0)) / 2
    np.testing.assert_allclose(centre, 64, atol=1.0)
