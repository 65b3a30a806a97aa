"""A person leaves a cohort of landmarks alone, which has no portraits: everybody else's clips stay."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from nvfair_tools.cli.revoke import revoke
from nvfair_tools.dataset import Dataset
from nvfair_tools.simulate import CohortSettings, SourceSettings, write_cohort


def test_clips_of_those_who_drive_the_person_stay(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("NVFAIR_REVOCATION_KEY", str(tmp_path / "settings" / "revocation.key"))
    people = SourceSettings(name="sim", train=0, validation=0, test=3, texts=2)
    settings = CohortSettings(seed=3, sources=(people,), generators=("sim-keypoint",), clips=2, cross=2, frames=12)
    folder = tmp_path / "cohort"
    write_cohort(folder, settings, workers=1)
    videos = Dataset.open(folder).videos
    person = "sim:0002"
    of_person = (videos["target"] == person) | (videos["driver"] == person)
    # The others drive the person's face, and their clips are what they drive it with.
    drivers = videos.loc[of_person & (videos["kind"] == "cross") & (videos["target"] == person), "driver"]
    assert set(drivers) == {"sim:0001", "sim:0003"}
    result = CliRunner().invoke(revoke, [person, str(folder), "--yes"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    left = Dataset.open(folder).videos
    assert sorted(left["video"]) == sorted(videos.loc[~of_person, "video"])
