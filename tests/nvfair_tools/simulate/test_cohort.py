import hashlib

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.parts import round_landmarks
from nvfair_tools.errors import NvfairError
from nvfair_tools.identity import parse_identity
from nvfair_tools.landmarks.scheme import SCHEME_126
from nvfair_tools.simulate.cohort import write_cohort
from nvfair_tools.simulate.settings import (
    NVFAIR_SOURCES,
    CohortSettings,
    DynamicsSettings,
    FramingSettings,
    SourceSettings,
)
from nvfair_tools.simulate.world import World

SMALL = CohortSettings(
    sources=(
        SourceSettings(name="sim-a", train=3, validation=2, test=2, texts=2, free=0.5, emotions=("neutral", "happy")),
        SourceSettings(name="sim-b", train=2, validation=0, test=2, texts=2),
    ),
    clips=2,
    cross=1,
    frames=20,
    seed=7,
)


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort") / "one"
    write_cohort(folder, SMALL, workers=1)
    return folder


def test_default_people_are_divided_as_nvfairs():
    people = World(CohortSettings(clips=1), range(478)).identities()
    counts = people.groupby(["source", "split"]).size().to_dict()
    assert counts == {
        ("sim-vc", "train"): 32, ("sim-vc", "validation"): 4, ("sim-vc", "test"): 10,
        ("sim-rav", "train"): 16, ("sim-rav", "validation"): 2, ("sim-rav", "test"): 6,
        ("sim-crema", "train"): 63, ("sim-crema", "validation"): 9, ("sim-crema", "test"): 19,
    }  # fmt: skip
    assert people["identity"].is_unique
    for identity in people["identity"]:
        parse_identity(identity)


def test_a_written_cohort_reads_as_a_data_set(written):
    data = Dataset.open(written)
    videos = data.videos
    clips = 11 * 2
    assert (videos["kind"] == "real").sum() == clips
    assert (videos["kind"] == "self").sum() == 3 * clips
    assert (videos["kind"] == "cross").sum() == 3 * clips
    assert videos["video"].is_unique
    assert data.meta["world"]["hash"] == SMALL.world_hash()
    assert data.meta["simulated"] is True
    tracks = data.tracks()
    assert tracks.landmarks.shape == (videos["frames"].sum(), 126, 2)
    assert tracks.valid.all()
    assert ((tracks.landmarks > -64) & (tracks.landmarks < 320)).mean() > 0.999
    assert not (written / ".world").exists()


def test_reenactments_stay_within_source_and_split(written):
    data = Dataset.open(written)
    people = data.identities.set_index("identity")
    for row in data.videos.itertuples():
        for name in (row.target, row.driver):
            assert (people.loc[name, "source"], people.loc[name, "split"]) == (row.source, row.split)
        assert (row.target == row.driver) == (row.kind != "cross")


def test_every_generator_renders_the_same_pairs(written):
    videos = Dataset.open(written).videos.dropna(subset=["generator"])
    pairs = [set(zip(group["clip"], group["target"], strict=True)) for _, group in videos.groupby("generator")]
    assert len(pairs) == 3
    assert pairs[0] == pairs[1] == pairs[2]


def test_equal_text_is_equal_content_and_free_speech_is_ones_own(written):
    videos = Dataset.open(written).videos
    scripted = videos[videos["scenario"] == "scripted"]
    assert scripted.groupby("content")["driver"].nunique().max() > 1
    free = videos[videos["scenario"] == "free"]
    assert len(free)
    assert (free.groupby("content")["driver"].nunique() == 1).all()


def test_a_video_is_the_same_alone_and_in_another_order_and_as_stored(written):
    data = Dataset.open(written)
    world = World(SMALL, SCHEME_126.indices)
    rows = data.videos.iloc[::-5]
    stored = data.tracks(rows["video"])
    assert stored.valid.all()
    for row, (video, landmarks, _, time) in zip(rows.itertuples(), stored, strict=True):
        generator = row.generator if isinstance(row.generator, str) else None
        frames = world.frame_rows(video, row.clip, generator, row.target)
        np.testing.assert_array_equal(landmarks, round_landmarks(frames.landmarks))
        np.testing.assert_array_equal(time, frames.time)


@pytest.mark.slow
def test_equal_settings_give_equal_bytes_whatever_the_number_of_processes(written, tmp_path):
    write_cohort(tmp_path / "two", SMALL, workers=2)
    assert digests(tmp_path / "two") == digests(written)


def test_another_seed_is_another_world(written, tmp_path):
    other = SMALL.model_copy(update={"seed": 8})
    write_cohort(tmp_path / "other", other, workers=1)
    files, other_files = digests(written), digests(tmp_path / "other")
    parts = [name for name in files if name.startswith("frames/")]
    assert parts
    assert all(files[name] != other_files.get(name) for name in parts)


def test_an_interrupted_run_goes_on_where_it_stopped(written, tmp_path):
    folder = tmp_path / "stopped"
    count = 0

    def stop(done, total):
        nonlocal count
        count += 1
        if count == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_cohort(folder, SMALL, workers=1, progress=stop)
    assert not (folder / "dataset.json").exists()
    written_parts = {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}
    assert written_parts
    seen = []
    write_cohort(folder, SMALL, workers=1, progress=lambda done, total: seen.append((done, total)))
    assert seen[0][0] > 0
    assert seen[-1][0] == seen[-1][1]
    assert all(path.stat().st_mtime_ns == when for path, when in written_parts.items())
    assert digests(folder) == digests(written)


def test_a_finished_cohort_stays_as_it_is(written):
    before = digests(written)
    write_cohort(written, SMALL, workers=1)
    assert digests(written) == before


def test_a_folder_that_holds_something_else_is_refused(written, tmp_path):
    with pytest.raises(NvfairError, match="holds something else"):
        write_cohort(written, SMALL.model_copy(update={"seed": 8}))
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    (unfinished / ".world").write_text("another\n")
    with pytest.raises(NvfairError, match="another folder"):
        write_cohort(unfinished, SMALL)


def test_all_pairs_are_all_others_of_source_and_split():
    world = World(SMALL.model_copy(update={"cross": "all"}), range(478))
    for clip in world.clips.values():
        people = world.identities()
        others = people[(people["source"] == clip.source.name) & (people["split"] == clip.split)]["identity"]
        assert set(world.targets(clip)) == set(others) - {clip.identity}


def test_mean_driver_motion_survives_generators(written):
    """Reenactments by one clip move more like that clip than like another of the same person."""
    data = Dataset.open(written)
    videos = data.videos
    tracks = {video: landmarks for video, landmarks, _, _ in data.tracks()}

    def mouth(video):
        from nvfair_tools.landmarks.scheme import measure_length

        return measure_length(tracks[video], "mouth_open")

    near, far = [], []
    real = videos[videos["kind"] == "real"].set_index("clip")
    for row in videos[videos["kind"] == "cross"].itertuples():
        driver_mouth = mouth(real.loc[row.clip, "video"])
        others = real[(real["driver"] == row.driver) & (real.index != row.clip)]["video"]
        reenacted_mouth = mouth(row.video)
        near.append(np.corrcoef(reenacted_mouth, driver_mouth)[0, 1])
        for other in others:
            length = min(len(reenacted_mouth), len(mouth(other)))
            far.append(np.corrcoef(reenacted_mouth[:length], mouth(other)[:length])[0, 1])
    assert np.mean(near) > 0.6
    assert np.mean(near) > np.mean(far) + 0.4


def test_settings_come_from_yaml_and_every_field_changes_the_world(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text("seed: 3\nclips: 2\ncross: all\nsources:\n- {name: sim-x, train: 2, validation: 0, test: 2}\n")
    settings = CohortSettings.read(path)
    assert (settings.seed, settings.cross, settings.sources[0].people) == (3, "all", 4)
    changes = {
        "name": "n",
        "seed": 4,
        "difficulty": 0.4,
        "sources": NVFAIR_SOURCES,
        "generators": ("sim-latent",),
        "clips": 3,
        "cross": 1,
        "frames": 50,
        "noise": 0.5,
        "dynamics": DynamicsSettings(tempo=2.0),
        "lengths": ((0, 20), (100, 40)),
        "motion_modes": (("sim-spline", "absolute"),),
        "framing": FramingSettings(roll=2.0),
    }
    assert set(changes) == set(CohortSettings.model_fields)
    hashes = {settings.model_copy(update={name: value}).world_hash() for name, value in changes.items()}
    assert len(hashes | {settings.world_hash()}) == len(changes) + 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clip: 3", "clip"),
        ("difficulty: 2", "difficulty"),
        ("- 1", "a YAML file of keys and values"),
        ("seed: [", "YAML"),
        ("sources: []", "sources"),
    ],
)
def test_wrong_settings_are_named(tmp_path, text, message):
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    with pytest.raises(NvfairError, match=message):
        CohortSettings.read(path)


def test_unknown_generators_are_named():
    with pytest.raises(NvfairError, match="sim-nothing"):
        World(SMALL.model_copy(update={"generators": ("sim-nothing",)}), range(478))


def test_unused_columns_are_null_not_missing(written):
    videos = pd.read_parquet(written / "videos.parquet")
    assert videos["path"].isna().all()
    assert videos.loc[videos["kind"] == "real", "generator"].isna().all()


def test_the_mesh_may_be_kept_and_changes_nothing_else(written, tmp_path):
    write_cohort(tmp_path, SMALL, mesh=True, workers=1)
    plain, data = Dataset.open(written), Dataset.open(tmp_path)
    tracks, expected = data.tracks(mesh=True), plain.tracks()
    np.testing.assert_array_equal(tracks.landmarks, expected.landmarks)
    np.testing.assert_array_equal(tracks.mesh[:, SCHEME_126.indices, :2], tracks.landmarks)
    assert np.isfinite(tracks.mesh).all()
    assert plain.meta["world"]["hash"] == data.meta["world"]["hash"]
    with pytest.raises(NvfairError, match="did not keep the mesh"):
        plain.tracks(mesh=True)


def test_points_between_landmarks_stray_as_much_as_they_do():
    world = World(SMALL, SCHEME_126.indices)
    row = world.videos().query("kind == 'self'").iloc[0]
    mesh = world.mesh(row["video"], row["clip"], row["generator"], row["target"])
    jitter = np.diff(mesh - ndimage.uniform_filter1d(mesh, 5, axis=0), axis=0)
    others = np.setdiff1d(np.arange(468), SCHEME_126.indices)
    size = jitter[:, :, :2].std(axis=(0, 2))
    assert 0.5 < np.median(size[others]) / np.median(size[SCHEME_126.indices]) < 2
    assert 0.3 < jitter[:, others, 2].std() / jitter[:, others, :2].std() < 3
