"""The study of expressions: its figures by hand, its fit, and the whole way on two people who act by formula."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from examples.studies.expressions.__main__ import main
from examples.studies.expressions.material import EmotionClip, read_clips
from examples.studies.expressions.settings import EYES, LARGEST_GAIN, fitted
from examples.studies.expressions.transfers import CORNERS, GAP, MOUTH, Transfer, transfer_table
from generators.expression_measures import POPULATION_MEDIAN, POPULATION_SPREAD, expression_measures
from generators.warp.neutral import CORNER_GAIN, OWN_SHARE, with_measures
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.landmarker import chosen_landmarker
from nvfair_tools.media import encode
from nvfair_tools.render.animate import animate
from tests.generators.warp.acting import act
from tests.generators.warp.conftest import astronaut, hopper  # noqa: F401 (fixtures)


def transfer(driver="a", emotion="happy", target="b", scale=0.5, shift=0.0):
    """A driver whose every measure goes 0, 1, 2, 3, and an output that follows by `scale`, moved by `shift`."""
    driven = np.repeat(np.arange(4.0)[:, None], 5, axis=1)
    return Transfer(driver, emotion, target, driven, scale * driven + shift, np.zeros(5), np.ones(5))


def test_the_figures_of_a_pair_are_those_by_hand():
    half = transfer(scale=0.5, shift=1.0)
    assert half.correlation(MOUTH) == pytest.approx(1.0)
    assert half.ratio(CORNERS) == pytest.approx(0.5)
    # Medians: 1.5 of the driver, 1.75 of the output; portraits: 0 and 1.
    assert half.levels(GAP) == pytest.approx((1.5, 0.75))
    assert transfer(scale=-1.0).correlation(MOUTH) == pytest.approx(-1.0)


def test_a_table_has_a_row_for_each_emotion_and_for_all():
    lines = transfer_table("After", [transfer(scale=0.5), transfer(emotion="sad", scale=1.0)])
    assert lines[0] == "After, 2 pairs of a clip and a target:"
    assert [line.split(" | ")[0] for line in lines[4:]] == ["| happy", "| sad", "| all"]
    assert "1.00; 75% (50%–100%); +1.500 → +0.125" in lines[6]


def stored_clip(folder: Path, person: str, emotion: str, meshes: np.ndarray) -> EmotionClip:
    """A clip whose track is in the cache already, so that no video is needed."""
    folder.mkdir(exist_ok=True)
    np.save(folder / f"{person}-{emotion}-step1-{chosen_landmarker()[0]}.npy", meshes)
    return EmotionClip(Path(f"{person}-{emotion}.mp4"), person, emotion, 1, folder)


def test_a_fit_knows_nothing_of_the_person_held_out(tmp_path, hopper):  # noqa: F811
    rest = with_measures(hopper.mesh.astype(np.float64), POPULATION_MEDIAN)
    off = np.array([0.033, 0.05, 0.0, 0.03, 0.0])

    def clips(widening):
        for person, scale in (("a", 1.0), ("b", 1.0), ("c", widening)):
            smile = with_measures(rest, POPULATION_MEDIAN + scale * off)
            yield stored_clip(tmp_path / f"{widening}", person, "neutral", np.stack([rest] * 3))
            yield stored_clip(tmp_path / f"{widening}", person, "happy", np.stack([smile] * 3))

    rendered = 1 + CORNER_GAIN
    pairs = [transfer(a, "happy", b, 0.8 * rendered) for a in "ab" for b in "ab"]
    first = fitted(clips(1.0), [*pairs, transfer("c", "happy", "a", 0.1)], "c")
    second = fitted(clips(3.0), [*pairs, transfer("a", "happy", "c", 9.0)], "c")
    np.testing.assert_array_equal(first.prior.own_share, second.prior.own_share)
    assert first.gain == second.gain == pytest.approx(0.25)  # 1 / 0.8 - 1
    # s^2 / (s^2 + e^2), with e = off: 1/2 for the mouth's width, 1/5 for its corners.
    expected = POPULATION_SPREAD**2 / (POPULATION_SPREAD**2 + off**2)
    np.testing.assert_allclose(first.prior.own_share[[0, 1, 3]], expected[[0, 1, 3]], atol=0.02)
    assert first.prior.own_share[0] == pytest.approx(0.5, abs=0.02)
    assert first.prior.own_share[1] == pytest.approx(0.2, abs=0.02)
    assert first.prior.own_share[EYES] == OWN_SHARE[EYES]


def test_a_gain_is_limited_by_the_pair_that_moves_most(tmp_path, hopper):  # noqa: F811
    clip = np.stack([hopper.mesh] * 3)
    clips = [stored_clip(tmp_path, "a", emotion, clip) for emotion in ("neutral", "happy")]

    def gain(*ratios):
        return fitted(clips, [transfer("a", "happy", "a", (1 + CORNER_GAIN) * ratio) for ratio in ratios], "c").gain

    assert gain(0.5, 0.5, 1.25) == pytest.approx(1.3 / 1.25 - 1)
    assert gain(0.1) == LARGEST_GAIN
    assert gain(1.1) == 0.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path,person\na.mp4,p\n", r"no column emotion"),
        ("path,person,emotion\na.mp4,p,neutral\n", "1 of 1 files are absent"),
        ("path,person,emotion\nlist.csv,p,happy\n", "no clip with emotion 'neutral' of p"),
        ("path,person,emotion\nlist.csv,p,\n", "no clip with emotion 'neutral' of anybody"),
    ],
)
def test_a_bad_list_is_refused_with_the_reason(text, words, tmp_path):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(NvfairError, match=words):
        read_clips(tmp_path / "list.csv", 2, tmp_path)


@pytest.mark.slow
def test_two_people_drive_each_other_and_a_second_run_renders_nothing(
    tmp_path,
    capsys,
    astronaut,  # noqa: F811
    hopper,  # noqa: F811
):
    rows = ["path,person,emotion"]
    for person, face in (("a", astronaut), ("b", hopper)):
        rest = face.mesh.astype(np.float64)
        wide = with_measures(rest, expression_measures(rest[None])[0] + [0.1, 0.03, 0.0, 0.0, 0.0])
        for emotion, shape in (("neutral", rest), ("happy", wide)):
            meshes = [act(shape, jaw=jaw) for jaw in (0.0, 0.1, 0.25)]
            encode(tmp_path / f"{person}{emotion}.mp4", animate(face.image, face.mesh, meshes), Fraction(25))
            rows.append(f"{person}{emotion}.mp4,{person},{emotion}")
    (tmp_path / "clips.csv").write_text("\n".join(rows) + "\n")
    arguments = [str(tmp_path / "clips.csv"), str(tmp_path / "out"), "--step", "1", "--no-rotation", "--sheets"]
    assert main(arguments) == 0
    first = capsys.readouterr().out
    assert first.count("rendered ") == 16
    assert "16 pairs of 4 clips and 2 people." in first
    assert sorted(path.name for path in (tmp_path / "out" / "sheets").iterdir()) == [
        f"warp-dense-{setting}-{emotion}.png" for setting in ("after", "before") for emotion in ("happy", "neutral")
    ]
    assert main(arguments) == 0
    second = capsys.readouterr().out
    assert "rendered " not in second
    assert second in first
    assert (tmp_path / "out" / "tables.md").read_text().strip() in first


def test_a_missing_list_is_a_message_and_no_traceback(tmp_path, capsys):
    (tmp_path / "clips.csv").write_text("path,person\n")
    assert main([str(tmp_path / "clips.csv"), str(tmp_path / "out")]) == 2
    assert ": no column path" in capsys.readouterr().err
