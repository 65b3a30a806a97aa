"""The command and its pictures: what is shown, what is written into it, and what may not be shown."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from nvfair_tools.cli import cli
from nvfair_tools.errors import NvfairError
from nvfair_tools.governance.revocation import Trace
from nvfair_tools.governance.search.folders import search_folders
from nvfair_tools.governance.search.patterns import Patterns
from nvfair_tools.marks.publish import mark_problems
from nvfair_tools.media import decode, probe
from nvfair_tools.quality.pictures import write_preview, write_sheet
from nvfair_tools.quality.shown_videos import choose_videos, fitted, named_video
from tests.mediapipe_here import skip_without_landmarker

skip_without_landmarker()


def test_one_command_writes_the_table_the_sheet_and_a_preview_a_generator(data, measured, tmp_path):
    arguments = ["quality", str(data.folder), "--out", str(tmp_path), "--workers", "0", "--show", "2"]
    shutil.copy(measured[0], tmp_path)  # measured with a network: not taken for a measure without one
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "contact_sheet.png",
        "preview-external.mp4",
        "preview-warp-dense.mp4",
        "quality.parquet",
    ]
    assert "quality.parquet: 8 videos" in result.output
    assert "contact_sheet.png: 4 videos" in result.output
    with Image.open(tmp_path / "contact_sheet.png") as sheet:
        assert "synthetic" in sheet.info["Description"]
        assert "digitalsourcetype/composite<" in sheet.info["XML:com.adobe.xmp"]
        assert sheet.size == (190 + 5 * 196, 22 + 4 * 196)
        assert np.asarray(sheet.convert("RGB")).std() > 20
    info = probe(tmp_path / "preview-warp-dense.mp4")
    assert info.metadata["synthetic"] == "true"
    assert mark_problems(tmp_path / "preview-warp-dense.mp4")[1] == []
    assert (info.width, info.height) == (3 * 256, 256)
    for person in (info.metadata["driver"], info.metadata["target"]):
        assert person in set(data.identities["identity"])
        places = search_folders([tmp_path], Patterns.of(Trace(person))).left
        assert {place.path.name for place in places} >= {"contact_sheet.png", "preview-warp-dense.mp4"}


def test_a_preview_shows_driver_portrait_and_video_in_step(data, measured, tmp_path):
    video = choose_videos(data, measured[1], 1)[0][1]
    frames = write_preview(tmp_path / "preview.mp4", video)
    shown_frames = [frame.image for frame in decode(tmp_path / "preview.mp4")]
    rendered = [frame.image for frame in decode(video.path)]
    assert frames == len(shown_frames) == len(rendered)
    for number in (0, frames - 1):
        panels = np.split(shown_frames[number].astype(int), 3, axis=1)
        with Image.open(video.portrait) as portrait:
            expected = fitted(np.asarray(portrait.convert("RGB")), 256)
        # The lower left corner holds the mark.
        assert np.abs(panels[1][:220] - expected[:220]).mean() < 4
        assert np.abs(panels[2][:220] - fitted(rendered[number], 256)[:220]).mean() < 4
        mark = panels[2][-16:, :8].reshape(-1, 3).mean(axis=0)
        assert mark[0] > mark[1] + 60, "red"


def test_videos_are_shown_from_the_worst_to_the_best(data, measured):
    chosen, hidden = choose_videos(data, measured[1], 4)
    assert hidden == []
    follows = [video.measures["correlation"] for video in chosen if video.generator == "warp-dense"]
    assert len(follows) == 4
    assert follows == sorted(follows)


def test_what_may_not_be_displayed_is_not_shown(data, measured, tmp_path):
    videos = data.videos.copy()
    is_warp = videos["generator"] == "warp-dense"
    videos.loc[is_warp, "permitted_use"] = "research, No display"
    limited = replace(data, videos=videos)
    chosen, hidden = choose_videos(limited, measured[1], 4)
    assert len(hidden) == 4
    assert {video.generator for video in chosen} == {"external"}
    with pytest.raises(NvfairError, match="permitted use says 'no display'"):
        named_video(limited, measured[1], videos.loc[is_warp, "video"].iloc[0])
    with pytest.raises(NvfairError, match="0 measured videos have an id that begins with 'xyz'"):
        named_video(data, measured[1], "xyz")
    with pytest.raises(NvfairError, match="no video that may be shown"):
        write_sheet(tmp_path / "sheet.png", [])
