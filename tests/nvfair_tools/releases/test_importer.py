"""A release of small real videos becomes a data set that the benchmark reads; again, only what is missing is done."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmark.protocols.schema import Protocol, Trials
from benchmark.trials.trials import make_trials
from benchmark.windows.window_set import read_windows
from nvfair_tools.cli import cli
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.leakage.table_checks import audit_leakage
from nvfair_tools.pipeline.items import ItemResult
from nvfair_tools.releases.importer import LEFT_OUT, import_release
from nvfair_tools.releases.nvfair import list_nvfair
from nvfair_tools.releases.settings import ReleaseSettings, load_settings
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.moving_portraits import write_noise
from tests.nvfair_tools.releases.small_releases import (
    nvfair_names,
    sheet_row,
    write_plan,
    write_sheet,
    write_videos,
)
from tests.nvfair_tools.small_build import file_hashes

skip_without_landmarker()
pytest.importorskip("cv2")

SHEET = "per_file_information_NVFAIR_v2.xlsx"
NAMES = nvfair_names({"1001": ["a", "b"], "1003": ["c", "d"]}, ["facevid2vid-generated"])
FORBIDDEN = "CREMA-D/facevid2vid-generated/1003/1003--a--1001.mp4"
CUT, NOISE = NAMES[6], NAMES[9]
COPY = "CREMA-D/facevid2vid-generated/1001/1001--copied--1003.mp4"
INLINE = ReleaseSettings(workers=0)


class Counting:
    """A reporter that counts how many items each stage really ran."""

    def __init__(self) -> None:
        self.ran: Counter[str] = Counter()
        self._stage = ""

    def begin_stage(self, stage: str, total: int, finished: int) -> None:
        self._stage = stage

    def end_item(self, result: ItemResult) -> None:
        self.ran[self._stage] += 1


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("nvfair")
    write_videos(root, NAMES)
    (root / CUT).write_bytes((root / CUT).read_bytes()[:-3000])
    write_noise(root / NOISE, frames=8)
    shutil.copy(root / NAMES[-1], root / COPY)
    rows = [
        sheet_row(name, **({"Permitted use: research": "no"} if name == FORBIDDEN else {})) for name in [*NAMES, COPY]
    ]
    write_sheet(root / SHEET, [*rows, sheet_row("CREMA-D/originals/1003/gone.mp4")])
    (root / "CREMA-D" / "readme.txt").write_text("hello")
    return root


@pytest.fixture(scope="module")
def out(release, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "dataset"
    import_release(list_nvfair(release, INLINE), INLINE, folder)
    return folder


@pytest.fixture(scope="module")
def dataset(out) -> Dataset:
    return Dataset.open(out)


def test_every_file_ends_in_a_state_with_its_reason(dataset):
    videos = dataset.videos
    ends = {row.lineage[0].removeprefix("NVFAIR/"): (row.state, row.reason) for row in videos.itertuples()}
    expected = dict.fromkeys(NAMES, ("ok", "")) | {
        FORBIDDEN: ("rejected", "use_not_permitted"),
        CUT: ("failed", "truncated"),
        # The copy names another driver than the file it equals: neither can be believed.
        COPY: ("rejected", "conflicting_content"),
        NAMES[-1]: ("rejected", "conflicting_content"),
    }
    assert ends == expected
    assert (videos.loc[videos["state"] != "ok", "detail"] != "").all()
    assert videos["video"].is_unique


def test_what_was_left_out_is_listed_with_what_is_absent(out):
    with open(out / LEFT_OUT, newline="") as file:
        lines = {row["file"]: (row["state"], row["reason"]) for row in csv.DictReader(file)}
    assert lines == {
        FORBIDDEN: ("rejected", "use_not_permitted"),
        CUT: ("failed", "truncated"),
        COPY: ("rejected", "conflicting_content"),
        NAMES[-1]: ("rejected", "conflicting_content"),
        "CREMA-D/readme.txt": ("rejected", "not_a_video"),
        "CREMA-D/originals/1003/gone.mp4": ("absent", "in_spreadsheet_only"),
    }
    release_facts = json.loads((out / "dataset.json").read_text())["release"]
    assert ["listed by the release", "absent", "in_spreadsheet_only", 1] in release_facts["files"]
    assert any("Permitted use: figures" in note for note in release_facts["notes"])


def test_nothing_of_a_forbidden_file_is_stored(dataset):
    row = dataset.videos[dataset.videos["reason"] == "use_not_permitted"].iloc[0]
    assert row["part"] is None or row["part"] != row["part"]
    with pytest.raises(NvfairError):
        dataset.tracks([row["video"]])


def test_frames_are_the_faces_in_the_files(dataset):
    usable = dataset.usable()
    tracks = dataset.tracks(usable["video"])
    valid_shares = {video: valid.mean() for video, _, valid, _ in tracks}
    noise = usable[usable["lineage"].map(lambda lineage: lineage[0].endswith(NOISE))]["video"].item()
    # A reenactment without a face is a finding, not a fault of the file.
    assert valid_shares.pop(noise) == 0
    assert set(valid_shares.values()) == {1.0}
    for _, landmarks, valid, time in tracks:
        assert len(time) == 8
        assert np.allclose(np.diff(time), 1 / 25)
        assert np.nanmin(landmarks[valid], initial=0) > -40


def test_people_clips_and_generators_are_those_of_the_names(dataset):
    assert dataset.identities["identity"].tolist() == ["cremad:1001", "cremad:1003"]
    assert list(dataset.identities["aliases"].iloc[0]) == ["1001", "C1001"]
    assert dataset.identities["clips"].tolist() == [2, 2]
    reals = dataset.videos[dataset.videos["kind"] == "real"].set_index(["driver", "clip_name"])["clip"]
    reenactments = dataset.videos[(dataset.videos["kind"] != "real") & (dataset.videos["clip_name"] != "copied")]
    assert set(reenactments["generator"]) == {"face-vid2vid"}
    # A reenactment's clip is the original it was driven by, found by name.
    for row in reenactments.itertuples():
        assert row.clip == reals[row.driver, row.clip_name]
    assert not [check for check in audit_leakage(dataset.identities, dataset.videos) if not check.clean]


def test_the_benchmark_reads_it(dataset):
    protocol = Protocol(name="tiny", time={"fps": "25/1", "window": 6, "stride": 3})
    chosen = dataset.videos[dataset.videos["generator"].notna()]
    windows = read_windows(dataset, protocol, videos=chosen["video"])
    assert len(windows) == 4  # 9 reenactments, less one cut, one forbidden, one pair of copies, one without a face
    assert any(trial.complete for trial in make_trials(windows.videos, "face-vid2vid", Trials()))


def test_running_again_reads_and_tracks_nothing_and_changes_no_byte(release, out):
    before, reporter = file_hashes(out), Counting()
    import_release(list_nvfair(release, INLINE), INLINE, out, reporter)
    assert reporter.ran == {}
    assert file_hashes(out) == before


def test_an_interrupted_import_goes_on_where_it_stopped(release, out, tmp_path):
    class Killed(Exception):
        """Stands for the power cut."""

    class Deadly(Counting):
        def end_item(self, result: ItemResult) -> None:
            super().end_item(result)
            if self.ran["track"] == 3:
                raise Killed

    folder = tmp_path / "dataset"
    with pytest.raises(Killed):
        import_release(list_nvfair(release, INLINE), INLINE, folder, Deadly())
    with pytest.raises(NvfairError, match="not a finished data set"):
        Dataset.open(folder)
    reporter = Counting()
    import_release(list_nvfair(release, INLINE), INLINE, folder, reporter)
    readable = len(NAMES) + 1 - 3  # all but the forbidden one and the two copies
    assert reporter.ran["track"] == readable - 3
    assert file_hashes(folder) == file_hashes(out)


def test_withdrawn_permission_takes_a_file_out_of_an_existing_data_set(release, out, tmp_path):
    folder, table = tmp_path / "dataset", tmp_path / "sheet.csv"
    shutil.copytree(out, folder)
    linked = INLINE.model_copy(update={"link_videos": True})
    import_release(list_nvfair(release, linked), linked, folder)
    assert (folder / "videos" / NAMES[0]).resolve() == (release / NAMES[0]).resolve()
    rows = [sheet_row(name, **({"Licence": ""} if name == NAMES[0] else {})) for name in NAMES]
    outcome = import_release(list_nvfair(release, linked, write_sheet(table, rows)), linked, folder)
    row = outcome.videos[outcome.videos["lineage"].map(lambda lineage: lineage[0].endswith(NAMES[0]))].iloc[0]
    assert (row["state"], row["reason"]) == ("rejected", "no_licence")
    assert row["path"] != row["path"] or row["path"] is None
    # Neither its frames nor its track is kept.
    assert len(list((folder / ".build" / "tracks").rglob("*.npz"))) == (outcome.videos["state"] == "ok").sum()
    assert not (folder / "videos" / NAMES[0]).is_symlink()
    assert (release / NAMES[0]).is_file()
    assert all((folder / path).is_file() for path in outcome.videos["path"].dropna())


def test_a_release_is_never_written_into_and_an_empty_one_is_refused(release, tmp_path):
    with pytest.raises(NvfairError, match="release's own folder"):
        import_release(list_nvfair(release, INLINE), INLINE, release / "dataset")
    (tmp_path / "empty").mkdir()
    sheet = write_sheet(tmp_path / "sheet.csv", [sheet_row(NAMES[0])])
    with pytest.raises(NvfairError, match="none of its 0 files"):
        import_release(list_nvfair(tmp_path / "empty", INLINE, sheet), INLINE, tmp_path / "out")


def test_the_command_lists_first_and_then_imports_avaprintdb(tmp_path):
    root, random = tmp_path / "ava", "dd16ca7d-b40e-5e4f-a42e-7a9163c33199"
    write_plan(
        root / "plan.csv", [("C1001", "CREMA-D/1001_DFA_ANG_XX.mp4", random, t, "TEST") for t in ("C1001", "C1003")]
    )
    write_videos(root, [f"{target}--C1001--{random}--LIVE.mp4" for target in ("C1001", "C1003")])
    (root / "points.npy").write_bytes(b"")
    (tmp_path / "settings.yaml").write_text("workers: 0\n")
    arguments = [
        "import",
        "avaprintdb",
        str(root),
        str(tmp_path / "out"),
        "--settings",
        str(tmp_path / "settings.yaml"),
    ]
    listed = CliRunner().invoke(cli, [*arguments, "--check"])
    assert listed.exit_code == 0, listed.output
    assert "points.npy: landmark_file" in listed.output
    assert not (tmp_path / "out").exists()
    result = CliRunner().invoke(cli, [*arguments, "--quiet"])
    assert result.exit_code == 0, result.output
    videos = Dataset.open(tmp_path / "out").videos
    assert sorted(videos["kind"]) == ["cross", "self"]
    assert videos["clip"].nunique() == 1
    assert set(videos["generator"]) == {"liveportrait"}
    card = (tmp_path / "out" / "README.md").read_text()
    assert "release AVAPrintDB" in card
    assert "in its own metadata" not in card


def test_an_assumed_scenario_is_printed_stored_and_in_the_card(tmp_path):
    root, names = tmp_path / "nvfair", ["NVIDIA-VC-subset/originals/id001/a01-id001.mp4"]
    names += ["NVIDIA-VC-subset/lia-generated/id001/id001--s02-id001--id001.mp4"]
    write_videos(root, names)
    write_sheet(root / "per_file_information_NVFAIR_v2.xlsx", [sheet_row(name) for name in names])
    (tmp_path / "settings.yaml").write_text("workers: 0\n")
    words = ["import", "nvfair", str(root), str(tmp_path / "out"), "--settings", str(tmp_path / "settings.yaml")]
    result = CliRunner().invoke(cli, [*words, "--quiet"], catch_exceptions=False)
    assert "assumed, as the release does not say it" in result.output
    videos = Dataset.open(tmp_path / "out").videos
    assert dict(zip(videos["clip_name"], videos["scenario"], strict=True)) == {
        "a01-id001": "free",
        "s02-id001": "scripted",
    }
    card = (tmp_path / "out" / "README.md").read_text()
    assert "assumed, as the release does not say it" in card.split("## How the release was read")[1].split("##")[0]


def test_the_settings_in_the_documentation_are_settings(tmp_path):
    text = (Path(__file__).parents[3] / "docs" / "releases.md").read_text()
    (tmp_path / "s.yaml").write_text(text.partition("```yaml\n")[2].partition("```")[0])
    settings = load_settings(tmp_path / "s.yaml")
    assert settings.columns.must_permit == ("Permitted use A",)
    assert settings.validation_share == 0.1


def test_a_landmarker_beside_the_settings_file_is_found(tmp_path):
    (tmp_path / "face.task").touch()
    (tmp_path / "s.yaml").write_text("landmarks: {landmarker: tasks, model: face.task}\n")
    assert load_settings(tmp_path / "s.yaml").landmarks.model == str(tmp_path / "face.task")


def test_wrong_settings_are_named(tmp_path):
    (tmp_path / "s.yaml").write_text("colums: {}\nvalidation_share: 2\n")
    with pytest.raises(NvfairError) as caught:
        load_settings(tmp_path / "s.yaml")
    assert "colums" in str(caught.value)
    assert "validation_share" in str(caught.value)
