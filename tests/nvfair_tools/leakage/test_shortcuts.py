"""Columns of metadata that tell the driver, or self from cross, are found, by figures of the protocol's trials."""

import numpy as np
import pandas as pd
import pytest

from benchmark import protocols
from benchmark.trials.trials import make_trials
from nvfair_tools.dataset import Dataset
from nvfair_tools.leakage.column_values import file_columns, table_columns
from nvfair_tools.leakage.person_auc import AucCounts
from nvfair_tools.leakage.shortcuts import SAME_DRIVER, SELF_OR_CROSS, ShortcutFigure, audit_shortcuts
from tests.nvfair_tools.clips import run_ffmpeg


def figures_of(videos: pd.DataFrame) -> dict[tuple[str, str], ShortcutFigure]:
    return {(figure.column, figure.label): figure for figure in audit_shortcuts(videos, table_columns(videos))}


@pytest.fixture
def videos(clean) -> pd.DataFrame:
    return Dataset.open(clean).usable()


def test_a_clean_set_has_no_shortcut(videos):
    figures = figures_of(videos)
    assert not [figure for figure in figures.values() if figure.flagged]
    # Two texts in two clips each: of the three other clips of a genuine pair one has the same text, of the other
    # people's clips one half: 0.5 + (1/3 - 1/2) / 2.
    assert figures["sentence", SAME_DRIVER].auc == pytest.approx(5 / 12)


@pytest.mark.parametrize("column", ["sentence", "frames", "seconds"])
def test_figures_are_those_of_nvfairs_own_trials(videos, column):
    """The benchmark lists the trials, and scikit-learn computes the area."""
    sklearn = pytest.importorskip("sklearn.metrics")
    videos = videos.reset_index(drop=True)
    areas = []
    for trials in make_trials(videos, "sim-keypoint", protocols.load("nvfair-seen").trials):
        pairs = np.concatenate([trials.genuine, trials.impostor])
        first, second = (videos.iloc[pairs[:, side]].reset_index(drop=True) for side in (0, 1))
        if column == "sentence":
            scores = (first["content"] == second["content"]).astype(float)
        else:
            scores = -(np.log(first["frames"].astype(float)) - np.log(second["frames"].astype(float))).abs()
        labels = np.repeat([1, 0], [len(trials.genuine), len(trials.impostor)])
        areas.append(sklearn.roc_auc_score(labels, scores))
    assert len(areas) == 8
    assert figures_of(videos)[column, SAME_DRIVER].auc == pytest.approx(np.mean(areas), abs=1e-9)


def test_a_sentence_of_each_person_is_a_shortcut(videos):
    figure = figures_of(videos.assign(content=videos["driver"]))["sentence", SAME_DRIVER]
    assert (figure.auc, figure.verdict, figure.high) == (1.0, "shortcut", 1.0)
    # Clopper and Pearson's exact lower limit of as many equal outcomes as pairs of people were compared, at 0.05 shared
    # by seven columns and two labels.
    cross = videos[videos["kind"] == "cross"]
    pairs = {frozenset(pair) for pair in zip(cross["target"], cross["driver"], strict=True)}
    assert figure.low == pytest.approx((0.05 / 14 / 2) ** (1 / len(pairs)))


def test_a_rate_of_each_person_is_a_shortcut(videos):
    rates = {person: 24 + number for number, person in enumerate(sorted(set(videos["driver"])))}
    figures = figures_of(videos.assign(fps_num=videos["driver"].map(rates)))
    assert figures["frames a second", SAME_DRIVER].verdict == "shortcut"
    assert figures["frames a second", SELF_OR_CROSS].verdict == "ok"


def test_longer_self_reenactments_are_found_whichever_way_round(videos):
    for longer, expected in (("self", 1.0), ("cross", 0.0)):
        frames = videos["frames"].mask(videos["kind"] == longer, videos["frames"] + 1000)
        figure = figures_of(videos.assign(frames=frames))["frames", SELF_OR_CROSS]
        assert (figure.auc, figure.verdict) == (expected, "shortcut")


def test_a_picture_size_of_self_reenactments_is_a_defect(videos):
    figures = figures_of(videos.assign(width=np.where(videos["kind"] == "self", 256, 512), height=256))
    assert figures["picture size", SELF_OR_CROSS].verdict == "DEFECT"
    assert figures["picture size", SELF_OR_CROSS].auc == 1.0


def test_a_codec_and_bytes_of_self_reenactments_are_found_in_real_files(videos, tmp_path):
    for name, codec in (("self", "libx264"), ("cross", "mpeg4")):
        source = ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=25:duration=1"]
        run_ffmpeg(*source, "-c:v", codec, "-pix_fmt", "yuv420p", tmp_path / f"{name}.mp4")
    videos = videos[videos["kind"] != "real"].assign(path=lambda table: table["kind"] + ".mp4")
    columns = file_columns(tmp_path, videos)
    figures = {(figure.column, figure.label): figure for figure in audit_shortcuts(videos, columns)}
    assert figures["codec", SELF_OR_CROSS].verdict == "DEFECT"
    assert figures["bytes", SELF_OR_CROSS].verdict == "shortcut"
    assert figures["codec", SAME_DRIVER].verdict == "DEFECT"


def test_what_is_not_known_is_not_passed(videos):
    figures = figures_of(videos.assign(content=None))
    assert figures["sentence", SAME_DRIVER].verdict == "not checked"
    assert "no content" in figures["sentence", SAME_DRIVER].unchecked
    few = videos[videos["target"].isin(sorted(set(videos["target"]))[:5])]
    figure = figures_of(few.assign(content=few["driver"]))["sentence", SAME_DRIVER]
    assert figure.verdict == "not checked"
    assert figure.unchecked.startswith("5 people")


def test_recordings_alone_are_compared_between_people(videos):
    real = videos[videos["kind"] == "real"]
    figures = figures_of(real.assign(content=real["driver"]))
    assert figures["sentence", SAME_DRIVER].auc == 1.0
    assert ("frames", SELF_OR_CROSS) not in figures


def test_without_self_reenactments_drivers_of_one_face_are_compared(videos):
    cross = videos[videos["kind"] == "cross"]
    figure = figures_of(cross.assign(content=cross["driver"]))["sentence", SAME_DRIVER]
    assert figure.auc == 1.0


def test_intervals_of_a_score_without_information_hold_chance():
    """Two hundred worlds of ten people with random scores: about one in twenty intervals misses one half."""
    rng = np.random.default_rng(5)
    people = [str(number) for number in range(10)]
    misses = 0
    for _ in range(200):
        counts = AucCounts()
        for person in people:
            others = [other for other in people if other != person]
            counts.add(person, rng.normal(size=15), rng.normal(size=36), np.repeat(others, 4))
        auc = counts.mean(0.95)
        assert auc is not None
        misses += not auc.low <= 0.5 <= auc.high
    assert misses <= 20
