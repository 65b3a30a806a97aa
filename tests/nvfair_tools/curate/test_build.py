"""A whole build of small real videos: what it holds, what it says of what it left out, and that it can be repeated."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from nvfair_tools.cli import cli
from nvfair_tools.curate.build import BuildOutcome, build
from nvfair_tools.curate.preflight import check
from nvfair_tools.curate.session import open_session
from nvfair_tools.curate.status import build_status
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.features import distances
from nvfair_tools.media import probe
from nvfair_tools.recipe.recipe import ClipSource, load_recipe
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.moving_portraits import write_clip
from tests.nvfair_tools.small_build import PEOPLE, file_hashes, write_recipe, write_sources

skip_without_landmarker()
pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    return write_sources(tmp_path_factory.mktemp("sources"), hard=True)


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> Path:
    """The list of a smaller set without anything wrong in it."""
    return write_sources(tmp_path_factory.mktemp("few"), clips=2)


@pytest.fixture(scope="module")
def finished_build(sources, tmp_path_factory) -> tuple[Path, BuildOutcome]:
    folder = tmp_path_factory.mktemp("build")
    recipe = write_recipe(folder / "recipe.yaml", sources, features={"distances": "float16", "rows_per_part": 25})
    return recipe, build(recipe)


@pytest.fixture(scope="module")
def dataset(finished_build) -> Dataset:
    return Dataset.open(finished_build[0].parent / "dataset")


def test_every_listed_clip_ends_in_a_state_with_its_reason(dataset):
    real = dataset.videos[dataset.videos["kind"] == "real"].set_index("clip_name")
    ends = {name: (row["state"], row["reason"]) for name, row in real.iterrows()}
    fine = {f"{person}-{number}": ("ok", "") for person in PEOPLE for number in range(3)}
    assert ends == fine | {
        "copy": ("rejected", "duplicate_content"),
        "cut": ("failed", "truncated"),
        "noise": ("rejected", "no_face"),
        "short": ("rejected", "too_short"),
        "secret": ("rejected", "use_not_permitted"),
        "gone": ("failed", "missing_file"),
    }
    assert (real.loc[real["state"] != "ok", "detail"] != "").all()


def test_all_pairs_within_the_split_are_there_and_portraits_never_drive(dataset):
    reenactments = dataset.videos[dataset.videos["kind"] != "real"]
    assert (reenactments["state"] == "ok").all()
    # Two people with three clips each, of which one gives the portrait: 2 x 2 driving clips on 2 faces.
    assert reenactments["kind"].value_counts().to_dict() == {"self": 4, "cross": 4}
    assert not set(dataset.identities["portrait_clip"]) & set(reenactments["clip"])
    chosen = dataset.videos.set_index("video").loc[dataset.identities["portrait_clip"]]
    assert (chosen["emotion"] == "neutral").all()
    assert all("portrait" in flags for flags in chosen["flags"])


def test_a_forbidden_clip_leaves_no_trace_but_its_row(dataset):
    assert not [path for path in file_hashes(dataset.folder) if "secret" in path]


def test_every_video_is_there_says_what_it_is_and_has_the_drivers_length_and_rate(dataset):
    for row in dataset.usable().itertuples():
        info = probe(dataset.folder / row.path)
        assert (info.frames, info.width, info.height) == (row.frames, row.width, row.height)
        assert (info.fps.numerator, info.fps.denominator) == (row.fps_num, row.fps_den)
        assert info.metadata["synthetic"] == ("false" if row.kind == "real" else "true")
        assert info.metadata["permitted_use"] == row.permitted_use
        assert info.metadata["licence"] == row.licence
        if row.kind != "real":
            assert (info.metadata["target"], info.metadata["driver"]) == (row.target, row.driver)
            assert info.metadata["video"] == row.video
            assert "Apache-2.0" in row.licence, "the generator's licence travels too"
            assert row.path.endswith(
                f"/{row.target.replace(':', '_')}--{row.clip_name}--{row.driver.replace(':', '_')}.mp4"
            )


def test_the_stored_face_moves_as_its_driver_does(dataset):
    """The face's path through a self- or cross-reenactment follows the driver's real one: the pictures were made from
    that clip, with that motion, in that order."""
    videos = dataset.videos.set_index("video")
    for row in videos[videos["kind"] != "real"].itertuples():
        tracks = dataset.tracks([row.Index, row.clip])
        (_, landmarks, valid, _), (_, driver_landmarks, _, _) = list(tracks)
        assert valid.all()
        path = landmarks.mean(axis=1) - landmarks.mean(axis=(0, 1))
        driver_path = driver_landmarks.mean(axis=1) - driver_landmarks.mean(axis=(0, 1))
        assert np.corrcoef(path.ravel(), driver_path.ravel())[0, 1] > 0.95


def test_stored_distances_are_those_of_the_stored_landmarks(dataset):
    for part in dataset.usable()["part"].unique():
        table = pd.read_parquet(dataset.folder / part)
        landmarks = np.stack(table["landmarks"].to_numpy()).reshape(-1, 126, 2)
        stored = np.stack(table["distances"].to_numpy())
        np.testing.assert_array_equal(stored, distances(landmarks, dtype=np.float16))


def test_people_carry_their_facts(dataset):
    people = dataset.identities.set_index("identity")
    assert people.loc[PEOPLE["astronaut"], "gender"] == "female"
    assert people["clips"].tolist() == [3, 3]
    assert people["licence"].tolist() == ["public domain"] * 2
    assert all((dataset.folder / path).is_file() for path in people["portrait"])


def test_the_metadata_file_vouches_for_every_table_and_part(dataset):
    hashes = file_hashes(dataset.folder)
    listed = dataset.meta["files"]
    assert {path: hashes[path] for path in listed} == listed
    assert {path for path in hashes if path.startswith(("frames/", "portraits/"))} <= set(listed)
    assert dataset.videos.loc[dataset.videos["path"].notna(), "sha256"].tolist() == [
        hashes[path] for path in dataset.videos["path"].dropna()
    ]


def test_nothing_of_this_machine_is_in_the_tables(dataset, finished_build, sources):
    for path in ("README.md", "dataset.json", "videos.parquet", "identities.parquet"):
        text = (dataset.folder / path).read_bytes()
        if path.endswith(".parquet"):
            text = pd.read_parquet(dataset.folder / path).to_csv().encode()
        for place in (finished_build[0].parent, sources.parent):
            assert str(place).encode() not in text


def test_hugging_face_datasets_reads_it_as_it_is(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    frames = datasets.load_dataset(str(dataset.folder), cache_dir=str(tmp_path))
    assert set(frames) == {"train"}
    assert len(frames["train"]) == int(dataset.usable()["frames"].sum())
    assert len(frames["train"][0]["landmarks"]) == 252
    assert len(frames["train"][0]["distances"]) == 7875
    videos = datasets.load_dataset(str(dataset.folder), "videos", cache_dir=str(tmp_path))["table"]
    assert videos["video"][:] == dataset.videos["video"].tolist()
    people = datasets.load_dataset(str(dataset.folder), "identities", cache_dir=str(tmp_path))["table"]
    assert people["identity"][:] == sorted(PEOPLE.values())


def test_building_again_does_nothing_and_changes_nothing(finished_build):
    recipe, outcome = finished_build
    folder = recipe.parent / "dataset"
    before = {path: path.stat().st_mtime_ns for path in (folder / "videos").rglob("*.mp4")}
    hashes = file_hashes(folder)
    batches_run = []

    class Counting:
        def run(self, factory, batches, *, time_limit):
            batches_run.extend(batches)
            return iter(())

    again = build(recipe, engine=Counting())
    assert batches_run == []
    assert again.counts().equals(outcome.counts())
    assert file_hashes(folder) == hashes
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_two_builds_at_once_are_refused(finished_build):
    recipe = load_recipe(finished_build[0])
    with open_session(recipe), pytest.raises(NvfairError, match="another build is at work"), open_session(recipe):
        pass


def test_lost_and_damaged_outputs_are_made_again_as_they_were(few, tmp_path):
    recipe = write_recipe(tmp_path / "recipe.yaml", few, workers=0, pairs={"cross_per_clip": 0})
    build(recipe)
    folder = tmp_path / "dataset"
    hashes = file_hashes(folder)
    videos = sorted((folder / "videos").rglob("*.mp4"))
    videos[0].unlink()
    videos[-1].write_bytes(b"short")
    sorted((folder / "frames").rglob("*.parquet"))[0].unlink()
    sorted((folder / "portraits").iterdir())[0].unlink()
    build(recipe)
    assert file_hashes(folder) == hashes


def test_another_motion_mode_makes_the_same_paths_anew_and_back(few, tmp_path):
    """Files are named for people: a video of another recipe at the same path must not be taken for this one's."""
    relative = write_recipe(tmp_path / "a.yaml", few, workers=0)
    absolute = write_recipe(
        tmp_path / "b.yaml", few, workers=0, generators=[{"name": "warp-dense", "mode": "absolute"}]
    )
    first = build(relative)
    hashes = file_hashes(tmp_path / "dataset")
    second = build(absolute)
    assert [video.path for video in first.reenactments] == [video.path for video in second.reenactments]
    changed = file_hashes(tmp_path / "dataset")
    assert all(changed[video.path] != hashes[video.path] for video in first.reenactments)
    build(relative)
    assert file_hashes(tmp_path / "dataset") == hashes


def test_files_of_any_name_are_read_and_get_names_for_every_file_system(few, tmp_path):
    names = ["\u00fc" * 125 + ".mp4", "take [1] {2} 'q' %03d ?*.mp4", "two\nlines: -i x.MP4", "-y.mp4", "CON.mp4"]
    (tmp_path / "people" / "ann").mkdir(parents=True)
    for number, name in enumerate(names):
        clip = write_clip(tmp_path / "made.mp4", "astronaut", 20 + number)
        clip.rename(tmp_path / "people" / "ann" / name)
    source = {"folder": str(tmp_path / "people"), "source": "friends"}
    source["defaults"] = {"licence": "CC0", "consent": "yes", "permitted_use": "research"}
    recipe = load_recipe(
        write_recipe(tmp_path / "recipe.yaml", few, workers=0, splits={"by": "shares", "shares": {"train": 1}})
    )
    outcome = build(recipe.model_copy(update={"sources": [ClipSource.model_validate(source)]}))
    assert set(outcome.videos["state"]) == {"ok"}
    assert len(outcome.videos) == 5 + 4
    stems = [Path(path).stem for path in outcome.videos["path"]]
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,235}", stem) for stem in stems)
    assert "clip-CON" in stems


@pytest.mark.parametrize("name", ["a[1]", "a*", "a?", "x::y"])
def test_an_output_that_datasets_takes_for_a_pattern_is_refused_before_any_work(few, tmp_path, name):
    recipe = write_recipe(tmp_path / "recipe.yaml", few, output=f"{name}/dataset")
    (finding,) = check(recipe).at_level("error")
    assert finding.topic == "output"
    with pytest.raises(NvfairError, match="which `datasets` takes for a pattern"):
        build(recipe)
    assert not (tmp_path / name).exists()


def test_a_person_who_leaves_the_list_is_pruned_on_request(few, tmp_path):
    recipe = write_recipe(tmp_path / "recipe.yaml", few, workers=0)
    build(recipe)
    lines = few.read_text().splitlines()
    fewer = few.with_name("fewer.csv")
    fewer.write_text("\n".join(line for line in lines if "hopper" not in line) + "\n")
    write_recipe(recipe, fewer, workers=0)
    outcome = build(recipe)
    assert outcome.unused_files
    assert all("hopper" in path for path in outcome.unused_files)
    assert build(recipe, prune=True).unused_files == ()
    assert not [path for path in file_hashes(tmp_path / "dataset") if "hopper" in path]


def test_datasets_returns_no_row_of_a_withdrawn_person_from_its_cache(few, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")

    def people() -> dict[str, set[str]]:
        folder = str(tmp_path / "dataset")
        videos = datasets.load_dataset(folder, "videos")["table"]
        frames = datasets.load_dataset(folder)["train"].unique("video")
        of_video = dict(zip(videos["video"], zip(videos["target"], videos["driver"], strict=True), strict=True))
        return {
            "identities": set(datasets.load_dataset(folder, "identities")["table"]["identity"]),
            "videos": set(videos["target"]) | set(videos["driver"]),
            "frames": {person for video in frames for person in of_video.get(video, ("unknown",))},
        }

    recipe = write_recipe(tmp_path / "recipe.yaml", few, workers=0)
    build(recipe)
    both = {"museum:astronaut", "museum:hopper"}
    assert list(people().values()) == [both] * 3
    lines = few.read_text().splitlines()
    fewer = few.with_name("without.csv")
    fewer.write_text("\n".join(line for line in lines if "hopper" not in line) + "\n")
    build(write_recipe(recipe, fewer, workers=0), prune=True)
    assert list(people().values()) == [{"museum:astronaut"}] * 3


def test_the_commands_run_stage_by_stage_and_say_what_came_of_it(sources, tmp_path):
    recipe = write_recipe(tmp_path / "recipe.yaml", sources, workers=0)
    runner = CliRunner()
    checked = runner.invoke(cli, ["check", str(recipe)])
    assert checked.exit_code == 1, "a listed file is missing"
    assert "gone.mp4" in checked.output
    for stage, message in (("ingest", "truncated"), ("plan", "planned cross"), ("shards", "finished")):
        result = runner.invoke(cli, [stage, str(recipe), "--quiet"])
        assert result.exit_code == 0, result.output
        assert message in result.output
        assert (tmp_path / "dataset" / "dataset.json").exists() == (stage == "shards")
    counted = runner.invoke(cli, ["status", str(recipe)])
    assert "the data set is finished" in counted.output
    assert json.loads((tmp_path / "dataset" / "dataset.json").read_text())["synthetic"] is True


def test_an_outcome_and_a_status_are_tables_in_a_notebook_and_text_elsewhere(finished_build):
    recipe, outcome = finished_build
    assert outcome.folder == recipe.parent / "dataset"
    page = outcome._repr_html_()
    assert "dataset, up to shards" in page
    assert re.search(r"<td>clips</td>\s*<td>failed</td>\s*<td>truncated</td>\s*<td>1</td>", page)
    assert re.search(r"clips +failed +truncated +1\n", repr(outcome))
    assert outcome.leaks() == []
    status = build_status(load_recipe(recipe))
    assert status.finished
    assert "<td>render</td>" in status._repr_html_()


def test_the_status_of_a_build_that_has_not_begun_names_the_command(few, tmp_path):
    recipe = write_recipe(tmp_path / "recipe.yaml", few)
    with pytest.raises(NvfairError, match=f"nvfair build {recipe}"):
        build_status(recipe)


def test_an_unknown_stage_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(NvfairError, match="stage 'shard' is unknown"):
        build(tmp_path / "none.yaml", until="shard")


def test_a_reporter_sees_every_stage_and_is_entered_while_they_run(few, tmp_path):
    class Recording:
        def __init__(self) -> None:
            self.events = []

        def __enter__(self):
            self.events.append("enter")

        def __exit__(self, *_):
            self.events.append("exit")

        def begin_stage(self, stage, total, finished):
            self.events.append((stage, total, finished))

        def end_item(self, result):
            assert result.state == "ok"

    reporter = Recording()
    build(write_recipe(tmp_path / "recipe.yaml", few, workers=0), until="plan", reporter=reporter)
    assert reporter.events == ["enter", ("read", 4, 0), ("track", 4, 0), ("portrait", 2, 0), "exit"]
