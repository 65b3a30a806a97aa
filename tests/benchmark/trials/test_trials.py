"""Trials by rule, in canonical order."""

from __future__ import annotations

from itertools import combinations

import pandas as pd
import pytest

from benchmark.protocols.schema import TrialRule, Trials
from benchmark.trials.trials import NO_GENUINE, NO_IMPOSTOR, make_trials
from nvfair_tools.dataset import Dataset


def named(videos: pd.DataFrame, pairs) -> set[frozenset[str]]:
    return {frozenset((videos["video"][a], videos["video"][b])) for a, b in pairs}


def by_hand(videos: pd.DataFrame, generator: str, target: str) -> tuple[set, set, set, set]:
    """Every unordered pair of one face, told apart by plain words."""
    rows = [r for r in videos.itertuples() if r.generator == generator and r.target == target]
    self_self, self_cross, cross_same, cross_other = set(), set(), set(), set()
    for a, b in combinations(rows, 2):
        pair = frozenset((a.video, b.video))
        selves = (a.driver == target) + (b.driver == target)
        if selves == 2:
            self_self.add(pair)
        elif selves == 1:
            self_cross.add(pair)
        elif a.driver == b.driver:
            cross_same.add(pair)
        else:
            cross_other.add(pair)
    return self_self, self_cross, cross_same, cross_other


@pytest.fixture
def videos(small: Dataset) -> pd.DataFrame:
    return small.videos[small.videos["split"] == "test"].sort_values("video").reset_index(drop=True)


@pytest.mark.parametrize("rule", [TrialRule.SELF_SELF_VS_SELF_CROSS, TrialRule.CROSS_CROSS])
def test_trials_are_the_pairs_the_rule_names(videos: pd.DataFrame, rule: TrialRule) -> None:
    result = list(make_trials(videos, "alpha", Trials(rule=rule)))
    assert [item.target for item in result] == sorted(videos["target"].unique())
    for item in result:
        self_self, self_cross, cross_same, cross_other = by_hand(videos, "alpha", item.target)
        genuine, impostor = (self_self, self_cross) if rule.value.startswith("self") else (cross_same, cross_other)
        assert named(videos, item.genuine) == genuine
        assert named(videos, item.impostor) == impostor
        assert len(item.genuine) == len(genuine)
        assert len(item.impostor) == len(impostor)
        assert len(genuine) > 0


def test_order_does_not_depend_on_the_tables_order(videos: pd.DataFrame) -> None:
    shuffled = videos.sample(frac=1, random_state=0).reset_index(drop=True)
    for a, b in zip(make_trials(videos, "beta", Trials()), make_trials(shuffled, "beta", Trials()), strict=True):
        first = [(videos["video"][i], videos["video"][j]) for i, j in a.impostor]
        second = [(shuffled["video"][i], shuffled["video"][j]) for i, j in b.impostor]
        assert first == second


def test_a_clip_rendered_twice_makes_no_genuine_pair(videos: pd.DataFrame) -> None:
    twice = videos.copy()
    own = twice[(twice["driver"] == twice["target"]) & (twice["generator"] == "alpha")]
    copy = own.assign(video=own["video"] + "-again")
    both = pd.concat([twice, copy], ignore_index=True)
    strict = next(make_trials(both, "alpha", Trials()))
    loose = next(make_trials(both, "alpha", Trials(share_driving_clip=True)))
    assert len(loose.genuine) - len(strict.genuine) == 3  # one pair a clip
    assert all(both["clip"][a] != both["clip"][b] for a, b in strict.genuine)


def test_targets_without_trials_say_what_they_lack(videos: pd.DataFrame) -> None:
    target = sorted(videos["target"].unique())[0]
    no_cross = videos[(videos["target"] != target) | (videos["kind"] == "self")].reset_index(drop=True)
    no_self = videos[(videos["target"] != target) | (videos["kind"] == "cross")].reset_index(drop=True)
    assert next(make_trials(no_cross, "alpha", Trials())).incomplete_reason == NO_IMPOSTOR
    assert next(make_trials(no_self, "alpha", Trials())).incomplete_reason == NO_GENUINE


def test_drawing_clips_is_repeatable_and_bounded(videos: pd.DataFrame) -> None:
    rule = Trials(rule=TrialRule.CROSS_CROSS, clips_per_driver=2, seed=3)
    first, again = list(make_trials(videos, "alpha", rule)), list(make_trials(videos, "alpha", rule))
    for a, b in zip(first, again, strict=True):
        assert a.genuine.tolist() == b.genuine.tolist()
        assert len(a.genuine) == 2  # two other drivers, one pair each
    other = list(make_trials(videos, "alpha", Trials(rule=TrialRule.CROSS_CROSS, clips_per_driver=2, seed=4)))
    assert any(a.genuine.tolist() != b.genuine.tolist() for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("people", [2, 3, 4])
def test_same_driver_trials_are_all_pairs_of_a_generators_videos_each_once(videos: pd.DataFrame, people: int) -> None:
    base = sorted(videos["driver"].unique())
    if people == 4:  # the small world has three test people: a fourth one moves like the first, by clips of its own
        fourth = videos[videos["driver"] == base[0]]
        fourth = fourth.assign(driver="toy:99", clip=fourth["clip"] + "x", video=fourth["video"] + "x")
        videos = pd.concat([videos, fourth], ignore_index=True)
    videos = videos[videos["driver"].isin([*base[:people], "toy:99"])].sort_values("video").reset_index(drop=True)
    result = list(make_trials(videos, "alpha", Trials(rule=TrialRule.SAME_DRIVER)))
    assert [item.target for item in result] == sorted(videos["driver"].unique())
    rows = [row for row in videos.itertuples() if row.generator == "alpha"]
    genuine, impostor, near_copies = set(), set(), set()
    for a, b in combinations(rows, 2):
        kind = impostor if a.driver != b.driver else near_copies if a.clip == b.clip else genuine
        kind.add(frozenset((a.video, b.video)))
    assert len(near_copies) > 0
    assert set.union(*(named(videos, item.genuine) for item in result)) == genuine
    assert set.union(*(named(videos, item.impostor) for item in result)) == impostor
    assert sum(len(item.genuine) for item in result) == len(genuine)
    assert sum(len(item.impostor) for item in result) == len(impostor)
    driver = videos["driver"].to_numpy()
    for item in result:
        assert (driver[item.genuine] == item.target).all()
        assert (driver[item.impostor[:, 0]] == item.target).all()
    loose = list(make_trials(videos, "alpha", Trials(rule=TrialRule.SAME_DRIVER, share_driving_clip=True)))
    assert sum(len(item.genuine) for item in loose) == len(genuine) + len(near_copies)


def test_same_driver_blocks_are_in_one_order_whatever_the_tables(videos: pd.DataFrame) -> None:
    rule = Trials(rule=TrialRule.SAME_DRIVER)
    shuffled = videos.sample(frac=1, random_state=0).reset_index(drop=True)
    for a, b in zip(make_trials(videos, "beta", rule), make_trials(shuffled, "beta", rule), strict=True):
        for kind in ("genuine", "impostor"):
            first = [(videos["video"][i], videos["video"][j]) for i, j in getattr(a, kind)]
            second = [(shuffled["video"][i], shuffled["video"][j]) for i, j in getattr(b, kind)]
            assert first == second


def test_same_driver_pairs_stay_within_a_collection(videos: pd.DataFrame) -> None:
    mixed = videos.copy()
    mixed.loc[mixed["driver"] == sorted(mixed["driver"])[0], "source"] = "another"
    result = list(make_trials(mixed, "alpha", Trials(rule=TrialRule.SAME_DRIVER)))
    source = mixed["source"].to_numpy()
    for item in result:
        assert (source[item.impostor[:, 0]] == source[item.impostor[:, 1]]).all()
    assert result[0].incomplete_reason == NO_IMPOSTOR or result[-1].incomplete_reason == NO_IMPOSTOR


def test_same_driver_clips_are_drawn_for_each_face(videos: pd.DataFrame) -> None:
    rule = Trials(rule=TrialRule.SAME_DRIVER, clips_per_driver=1, seed=3)
    result = list(make_trials(videos, "alpha", rule))
    used = videos.loc[
        sorted({int(n) for item in result for pairs in (item.genuine, item.impostor) for n in pairs.flat})
    ]
    assert used.groupby(["target", "driver"]).size().max() == 1
    assert len(used) == 9  # three drivers on three faces


def test_same_driver_blocks_are_made_one_at_a_time_and_none_is_large() -> None:
    """AVAPrintDB's CREMA-D test set in size: 13 million pairs, of which one block of at most a tenth is held."""
    people, clips = 24, 215
    drivers = [f"toy:{n:02d}" for n in range(people) for _ in range(clips)]
    names = [f"{driver}-{n:04d}" for n, driver in enumerate(drivers)]
    table = {"video": names, "target": drivers, "driver": drivers, "clip": names, "generator": "g", "source": "toy"}
    counts = [
        len(target_trials.genuine) + len(target_trials.impostor)
        for target_trials in make_trials(pd.DataFrame(table), "g", Trials(rule=TrialRule.SAME_DRIVER))
    ]
    videos = people * clips
    assert sum(counts) == videos * (videos - 1) // 2
    assert max(counts) < sum(counts) / 10
