"""A balanced plan: faces, drivers and groups occur evenly, and more of it takes nothing away."""

from collections import Counter, defaultdict

import pytest

from nvfair_tools.curate.pairs import Driver, Target
from nvfair_tools.curate.plans.balanced import balanced_pairs, count_meetings, demographic_groups

PEOPLE = [f"x:{number:02d}" for number in range(12)]
GROUPS = {person: "female" if number % 3 else "male" for number, person in enumerate(PEOPLE)}


def plan(k=2, m=4, people=PEOPLE, clips=6, groups=GROUPS, seed=0, **options):
    drivers = [
        Driver(f"{person}/{number}", person, "x", "train", f"{person}/{number}")
        for person in people
        for number in range(clips)
    ]
    targets = [Target(person, "x", "train") for person in people]
    return balanced_pairs(
        drivers[::-1],
        targets,
        cross_per_clip=lambda split: k,
        faces_per_driver=m,
        demographics=groups,
        seed=seed,
        **options,
    )


@pytest.mark.parametrize(("k", "m", "seed"), [(2, 4, 0), (1, 3, 5), (3, 11, 1), (9, 5, 2)])
def test_each_clip_has_one_self_and_k_cross_and_each_driver_meets_m_faces(k, m, seed):
    pairs = plan(k, m, seed=seed, clips=12)
    kinds = defaultdict(Counter)
    met = defaultdict(set)
    for pair in pairs:
        kinds[pair.clip_id][pair.kind] += 1
        if pair.kind == "cross":
            met[pair.driver].add(pair.target)
    assert len(kinds) == 12 * len(PEOPLE)
    assert all(kind == {"self": 1, "cross": min(k, m)} for kind in kinds.values())
    assert {len(faces) for faces in met.values()} == {m}
    faces = Counter(face for faces in met.values() for face in faces)
    assert max(faces.values()) - min(faces.values()) <= 2, "each face is met by about m drivers"


def test_groups_meet_as_often_as_all_pairs_would_have_them_meet():
    """Of 12 people 4 are male. All pairs: 4 x 3 male drivers on male faces, 4 x 8 on female, 8 x 4, 8 x 7."""
    pairs = plan(k=2, m=4)
    counts = count_meetings(pairs, GROUPS)
    share = {groups: count / sum(counts["groups"].values()) for groups, count in counts["groups"].items()}
    expected = {("male", "male"): 12, ("male", "female"): 32, ("female", "male"): 32, ("female", "female"): 56}
    for groups, count in expected.items():
        assert share[groups] == pytest.approx(count / 132, abs=0.06)
    assert set(counts["drivers"].values()) == {12}
    assert set(counts["faces met"].values()) == {4}
    assert sum(counts["faces"].values()) == 144
    # A driver has six clips with two of its four faces each, so it moves each face three times.
    assert max(counts["faces"].values()) - min(counts["faces"].values()) <= 2 * 3


def test_balancing_groups_is_what_evens_them():
    """Without groups, one seed or another is far from even: the check above can fail."""

    def distance(groups):
        """The mean over seeds of how far the share of each pair of groups is from that of all pairs."""
        expected = {("male", "male"): 12, ("male", "female"): 32, ("female", "male"): 32, ("female", "female"): 56}
        plans = [plan(k=3, m=3, clips=1, groups=groups, seed=seed) for seed in range(8)]
        counts = [count_meetings(pairs, GROUPS)["groups"] for pairs in plans]
        return sum(abs(met[key] / 36 - of_all / 132) for met in counts for key, of_all in expected.items()) / 8

    assert distance(GROUPS) < 0.7 * distance({})


def test_more_faces_a_clip_and_the_order_of_lists_take_no_pair_away():
    assert set(plan(k=2)) < set(plan(k=3))
    assert set(plan(k=2, seed=1)) != set(plan(k=2))


def test_more_faces_a_driver_keep_those_that_were_met():
    def met(m):
        return {(pair.driver, pair.target) for pair in plan(k=None, m=m)}

    assert met(3) < met(4) < met(20)
    assert len(met(20)) == 12 * 12, "all people are met where there are no more"


def test_people_of_different_splits_never_meet():
    drivers = [
        Driver(person, person, "x", "train" if number % 2 else "test", person) for number, person in enumerate(PEOPLE)
    ]
    targets = [Target(driver.identity, driver.source, driver.split) for driver in drivers]
    pairs = balanced_pairs(drivers, targets, cross_per_clip=lambda split: 2, faces_per_driver=3, demographics={})
    split = {driver.identity: driver.split for driver in drivers}
    assert len(pairs) == 12 * 3
    assert all(split[pair.driver] == split[pair.target] == pair.split for pair in pairs)


def test_groups_are_named_by_what_is_known():
    people = {"a": {"gender": "female", "age": ""}, "b": {"gender": "", "age": ""}}
    assert demographic_groups(people, ("gender", "age")) == {"a": "female, unknown"}
