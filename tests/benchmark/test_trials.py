"""Trials by rule, in canonical order."""

from __future__ import annotations

from itertools import combinations

import pandas as pd
import pytest

from benchmark.trials import NO_GENUINE, NO_IMPOSTOR, trials
from nvfair_tools.dataset import Dataset
from nvfair_tools.protocol import TrialRule, Trials


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


@pytest.mark.parametrize("rule", list(TrialRule))
def test_trials_are_the_pairs_the_rule_names(videos: pd.DataFrame, rule: TrialRule) -> None:
    found = list(trials(videos, "alpha", Trials(rule=rule)))
    assert [one.target for one in found] == sorted(videos["target"].unique())
    for one in found:
        self_self, self_cross, cross_same, cross_other = by_hand(videos, "alpha", one.target)
        genuine, impostor = (self_self, self_cross) if rule.value.startswith("self") else (cross_same, cross_other)
        assert named(videos, one.genuine) == genuine
        assert named(videos, one.impostor) == impostor
        assert len(one.genuine) == len(genuine)
        assert len(one.impostor) == len(impostor)
        assert len(genuine) > 0


def test_order_does_not_depend_on_the_tables_order(videos: pd.DataFrame) -> None:
    shuffled = videos.sample(frac=1, random_state=0).reset_index(drop=True)
    for a, b in zip(trials(videos, "beta", Trials()), trials(shuffled, "beta", Trials()), strict=True):
        first = [(videos["video"][i], videos["video"][j]) for i, j in a.impostor]
        second = [(shuffled["video"][i], shuffled["video"][j]) for i, j in b.impostor]
        assert first == second


def test_a_clip_rendered_twice_makes_no_genuine_pair(videos: pd.DataFrame) -> None:
    twice = videos.copy()
    own = twice[(twice["driver"] == twice["target"]) & (twice["generator"] == "alpha")]
    copy = own.assign(video=own["video"] + "-again")
    both = pd.concat([twice, copy], ignore_index=True)
    strict = next(trials(both, "alpha", Trials()))
    loose = next(trials(both, "alpha", Trials(share_driving_clip=True)))
    assert len(loose.genuine) - len(strict.genuine) == 3  # one pair a clip
    assert all(both["clip"][a] != both["clip"][b] for a, b in strict.genuine)


def test_targets_without_trials_say_what_they_lack(videos: pd.DataFrame) -> None:
    target = sorted(videos["target"].unique())[0]
    no_cross = videos[(videos["target"] != target) | (videos["kind"] == "self")].reset_index(drop=True)
    no_self = videos[(videos["target"] != target) | (videos["kind"] == "cross")].reset_index(drop=True)
    assert next(trials(no_cross, "alpha", Trials())).lack == NO_IMPOSTOR
    assert next(trials(no_self, "alpha", Trials())).lack == NO_GENUINE


def test_drawing_clips_is_repeatable_and_bounded(videos: pd.DataFrame) -> None:
    rule = Trials(rule=TrialRule.CROSS_CROSS, clips_per_driver=2, seed=3)
    first, again = list(trials(videos, "alpha", rule)), list(trials(videos, "alpha", rule))
    for a, b in zip(first, again, strict=True):
        assert a.genuine.tolist() == b.genuine.tolist()
        assert len(a.genuine) == 2  # two other drivers, one pair each
    other = list(trials(videos, "alpha", Trials(rule=TrialRule.CROSS_CROSS, clips_per_driver=2, seed=4)))
    assert any(a.genuine.tolist() != b.genuine.tolist() for a, b in zip(first, other, strict=True))
