"""Plans: all pairs within source and split, or a seeded part of them."""

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from nvfair_tools.curate.pairs import Driver, Target, plan_pairs


def people(groups: dict[tuple[str, str], int], clips: int = 2) -> tuple[list[Driver], list[Target]]:
    targets = [
        Target(f"{source}:{split}{n}", source, split) for (source, split), count in groups.items() for n in range(count)
    ]
    drivers = [
        Driver(f"{target.identity}/{n}", target.identity, target.source, target.split)
        for target in targets
        for n in range(clips)
    ]
    return drivers, targets


def test_the_avaprintdb_and_all_pairs_counts_follow_from_people_and_clips():
    """A set that renders all pairs has self x (people - 1) cross-reenactments."""
    drivers, targets = people({("a", "train"): 5}, clips=3)
    counts = Counter(pair.kind for pair in plan_pairs(drivers, targets))
    assert counts == {"self": 15, "cross": 15 * 4}


@settings(deadline=None)  # machines are shared
@given(
    st.dictionaries(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["train", "test"])), st.integers(0, 5), max_size=4
    ),
    st.one_of(st.none(), st.integers(0, 6)),
    st.integers(0, 3),
)
def test_no_pair_crosses_a_source_or_split_and_limits_hold_for_each_clip(groups, limit, seed):
    drivers, targets = people(groups)
    pairs = plan_pairs(drivers, targets, cross_per_clip=lambda split: limit, seed=seed)
    where = {target.identity: (target.source, target.split) for target in targets}
    assert len(set(pairs)) == len(pairs)
    for pair in pairs:
        assert where[pair.target] == where[pair.driver] == (pair.source, pair.split)
    cross = Counter(pair.clip_id for pair in pairs if pair.kind == "cross")
    for driver in drivers:
        others = groups[driver.source, driver.split] - 1
        assert cross[driver.clip_id] == (others if limit is None else min(limit, others))
    shuffled = random.Random(seed)
    shuffled.shuffle(drivers)
    shuffled.shuffle(targets)
    assert plan_pairs(drivers, targets, cross_per_clip=lambda split: limit, seed=seed) == pairs


def test_a_new_person_changes_few_of_the_drawn_pairs():
    drivers, targets = people({("a", "train"): 30})
    before = set(plan_pairs(drivers, targets, cross_per_clip=lambda split: 3))
    newcomer = Target("a:new", "a", "train")
    after = set(plan_pairs(drivers, [*targets, newcomer], cross_per_clip=lambda split: 3))
    assert {pair.target for pair in after - before} == {"a:new"}


def test_people_need_not_drive_themselves():
    drivers, targets = people({("a", "train"): 2})
    assert {pair.kind for pair in plan_pairs(drivers, targets, with_self=False)} == {"cross"}


def test_a_target_without_a_portrait_still_drives_others():
    drivers, targets = people({("a", "train"): 2}, clips=1)
    pairs = plan_pairs(drivers, targets[:1])
    assert [(pair.driver, pair.target) for pair in pairs] == [
        ("a:train0", "a:train0"),
        ("a:train1", "a:train0"),
    ]


def test_a_limit_may_differ_by_split():
    drivers, targets = people({("a", "train"): 4, ("a", "test"): 4}, clips=1)
    limits = {"train": 1}
    pairs = plan_pairs(drivers, targets, cross_per_clip=limits.get)
    assert Counter(pair.split for pair in pairs if pair.kind == "cross") == {"train": 4, "test": 12}
