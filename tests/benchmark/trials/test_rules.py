"""Every rule against a slow reckoning, pair by pair, from the words of docs/protocols.md."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.methods.embedding_files import EmbeddingTable, video_embeddings
from benchmark.protocols.schema import TrialRule, Trials
from benchmark.trials.trials import (
    NO_TEMPLATE,
    cell_generators,
    cell_name,
    cell_names,
    count_trials,
    make_trials,
    trial_name,
)
from nvfair_tools.errors import NvfairError

PEOPLE = {"one:a": "one", "one:b": "one", "one:c": "one", "two:d": "two", "two:e": "two"}
COLUMNS = ["video", "target", "driver", "clip", "generator", "source", "scenario"]


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Some of the videos that five people of two collections make with up to three clips and two generators."""
    rows = []
    for person, source in PEOPLE.items():
        for number in range(draw(st.integers(0, 3))):
            scenario = draw(st.sampled_from(["scripted", "free", None]))
            for face in (p for p, s in PEOPLE.items() if s == source):
                for generator in "xy":
                    for copy in range(draw(st.sampled_from([0, 1, 1, 2]))):
                        name = f"{draw(st.integers(0, 99)):02d}-{len(rows):03d}-{copy}"
                        rows.append((name, face, person, f"{person}/{number}", generator, source, scenario))
    order = draw(st.permutations(range(len(rows))))
    return pd.DataFrame([rows[n] for n in order], columns=COLUMNS)


def rules() -> st.SearchStrategy[Trials]:
    def made(**fields: Any) -> Trials:
        return Trials(**fields | {"only_shared_clips": fields["only_shared_clips"] and fields["share_driving_clip"]})

    scenarios = st.sampled_from([None, ("scripted", "free"), ("free", "scripted"), ("free", "free")])
    return st.builds(
        made,
        rule=st.sampled_from(TrialRule),
        share_driving_clip=st.booleans(),
        only_shared_clips=st.booleans(),
        across_generators=st.booleans(),
        scenarios=scenarios,
    )


def slow(videos: pd.DataFrame, cell: str, rule: Trials) -> tuple[list[tuple], list[tuple]]:
    """(genuine, impostor) as (target, first, second); under same-driver the pair of ids alone, in order."""
    enrolment, probe = cell_generators(cell)
    genuine, impostor = [], []
    rows = list(videos.itertuples())
    same_sides = enrolment == probe and (rule.scenarios is None or len(set(rule.scenarios)) == 1)
    for a, b in product(rows, rows):
        if a.video == b.video or (a.generator, b.generator) != (enrolment, probe):
            continue
        if rule.scenarios is not None and (a.scenario, b.scenario) != rule.scenarios:
            continue
        clips_fit = True
        if rule.only_shared_clips:
            clips_fit = a.clip == b.clip
        elif not rule.share_driving_clip:
            clips_fit = a.clip != b.clip
        again = same_sides and a.video > b.video  # the same two, the other way round
        own_a, own_b = a.driver == a.target, b.driver == b.target
        if rule.rule is TrialRule.SELF_SELF_VS_SELF_CROSS:
            if a.target == b.target and own_a and own_b and not again and clips_fit:
                genuine.append((a.target, a.video, b.video))
            if a.target == b.target and own_a and not own_b:
                impostor.append((a.target, a.video, b.video))
        elif rule.rule is TrialRule.CROSS_CROSS:
            if a.target == b.target and not own_a and not own_b and not again:
                if a.driver != b.driver:
                    impostor.append((a.target, a.video, b.video))
                elif clips_fit:
                    genuine.append((a.target, a.video, b.video))
        elif rule.rule is TrialRule.DIFFERENT_FACE:
            if own_a and not own_b and a.target != b.target and a.source == b.source:
                if a.driver != b.driver:
                    impostor.append((a.target, a.video, b.video))
                elif clips_fit:
                    genuine.append((a.target, a.video, b.video))
        elif a.source == b.source and not again:
            pair = tuple(sorted((a.video, b.video))) if same_sides else (a.video, b.video)
            if a.driver != b.driver:
                impostor.append(pair)
            elif clips_fit:
                genuine.append(pair)
    return genuine, impostor


def fast(videos: pd.DataFrame, cell: str, rule: Trials) -> tuple[list[tuple], list[tuple]]:
    ids = videos["video"].to_numpy(dtype=object)
    scenarios = rule.scenarios or ("", "")
    same_sides = len(set(cell_generators(cell))) == len(set(scenarios)) == 1
    kinds: tuple[list[tuple], list[tuple]] = ([], [])
    for target_trials in make_trials(videos, cell, rule):
        for result, pairs in zip(kinds, (target_trials.genuine, target_trials.impostor), strict=True):
            for a, b in pairs:
                if rule.rule is not TrialRule.SAME_DRIVER:
                    result.append((target_trials.target, ids[a], ids[b]))
                else:
                    assert videos["driver"][a] == target_trials.target
                    result.append(tuple(sorted((ids[a], ids[b]))) if same_sides else (ids[a], ids[b]))
    return kinds


def cell_of(rule: Trials) -> str:
    return cell_name("y", "x") if rule.across_generators else "x"


@settings(max_examples=100, deadline=None)
@given(tables(), rules())
def test_trials_are_what_the_slow_reckoning_finds_each_once(videos: pd.DataFrame, rule: Trials) -> None:
    cell = cell_of(rule)
    for result, expected in zip(fast(videos, cell, rule), slow(videos, cell, rule), strict=True):
        assert sorted(result) == sorted(expected)
        assert len(set(result)) == len(result)


@settings(max_examples=100, deadline=None)
@given(tables(), rules(), st.randoms(use_true_random=False), st.integers(0, 2))
def test_the_order_is_canonical_whatever_the_tables(videos: pd.DataFrame, rule: Trials, random, drawn: int) -> None:
    rule = rule.model_copy(update={"clips_per_driver": drawn})
    order = list(range(len(videos)))
    random.shuffle(order)
    shuffled = videos.iloc[order].reset_index(drop=True)
    output = [
        [(target_trials.target, target_trials.trial_names(table["video"].to_numpy(), pairs))
         for target_trials in make_trials(table, cell_of(rule), rule)
         for pairs in (target_trials.genuine, target_trials.impostor)]
        for table in (videos, shuffled)
    ]  # fmt: skip
    assert output[0] == output[1]
    if rule.rule is not TrialRule.SAME_DRIVER:
        ids = videos["video"].to_numpy()
        for target_trials in make_trials(videos, cell_of(rule), rule):
            for pairs in (target_trials.genuine, target_trials.impostor):
                named = [(ids[a], ids[b]) for a, b in pairs]
                assert named == sorted(named)


@settings(max_examples=100, deadline=None)
@given(tables(), rules(), st.integers(0, 2), st.sampled_from([None, 1, 2]))
def test_the_counts_agree_with_the_trials(videos: pd.DataFrame, rule: Trials, drawn: int, template: int | None) -> None:
    fields = rule.model_dump() | {"clips_per_driver": drawn}
    if template is not None:
        fields |= {"rule": "self-self-vs-self-cross", "share_driving_clip": False, "only_shared_clips": False}
        fields |= {"template": {"clips": template, "draws": 3}}
    rule, cell = Trials(**fields), cell_of(rule)
    whole = list(make_trials(videos, cell, rule))
    table = count_trials(videos, rule, [cell])
    assert table.to_dict("records") == [
        {
            "cell": cell,
            "target": t.target,
            "genuine": len(t.genuine),
            "impostor": len(t.impostor),
            "lack": t.incomplete_reason,
        }
        for t in whole
    ]


@settings(max_examples=100, deadline=None)
@given(tables(), st.integers(1, 3), st.integers(1, 3), st.booleans(), st.integers(0, 5))
def test_templates_hold_the_targets_clips_and_never_the_probes(
    videos: pd.DataFrame, clips: int, draws: int, across: bool, seed: int
) -> None:
    rule = Trials(template={"clips": clips, "draws": draws}, across_generators=across, seed=seed)
    cell = cell_of(rule)
    enrolment, probe = cell_generators(cell)
    row = videos.to_dict("records")
    for target_trials in make_trials(videos, cell, rule):
        own = [v for v in row if v["target"] == v["driver"] == target_trials.target]
        enough = {v["clip"] for v in own if v["generator"] == enrolment}
        if len(enough) < clips:
            assert target_trials.incomplete_reason == NO_TEMPLATE
            continue
        expected = {v["video"] for v in own if v["generator"] == probe and len(enough - {v["clip"]}) >= clips}
        others = {
            v["video"] for v in row if v["target"] == target_trials.target != v["driver"] and v["generator"] == probe
        }
        assert target_trials.templates is not None
        assert {row[b]["video"] for b in target_trials.genuine[:, 1]} == expected
        assert {row[b]["video"] for b in target_trials.impostor[:, 1]} == others
        for pairs in (target_trials.genuine, target_trials.impostor):
            assert len({tuple(pair) for pair in pairs.tolist()}) == len(pairs)
            order = [
                (tuple(row[n]["video"] for n in target_trials.templates[a - target_trials.offset]), row[b]["video"])
                for a, b in pairs
            ]
            assert order == sorted(order)
            for a, b in pairs:
                members = [row[n] for n in target_trials.templates[a - target_trials.offset]]
                assert len(members) == len({m["clip"] for m in members}) == clips
                assert all(m["target"] == m["driver"] == target_trials.target for m in members)
                assert all(m["generator"] == enrolment for m in members)
                assert row[b]["clip"] not in {m["clip"] for m in members}
            per_probe = np.unique(pairs[:, 1], return_counts=True)[1]
            assert per_probe.max(initial=0) <= draws


def test_a_larger_template_holds_the_smaller_one_of_the_same_draw() -> None:
    rows = [(f"v{n}", "one:a", "one:a", f"c{n}", "x", "one", None) for n in range(9)]
    rows.append(("w", "one:a", "one:b", "d", "x", "one", None))
    videos = pd.DataFrame(rows, columns=COLUMNS)
    held: dict[str, set[int]] = {}
    for clips in (1, 2, 4, 8):
        item = next(make_trials(videos, "x", Trials(template={"clips": clips}, seed=3)))
        assert item.templates is not None
        assert len(item.genuine) == 9
        for a, b in item.genuine:
            now = set(item.templates[a - item.offset].tolist())
            assert held.get(videos["video"][b], set()) < now
            held[videos["video"][b]] = now


@settings(max_examples=100, deadline=None)
@given(tables(), rules())
def test_the_people_of_a_trial_are_its_two_drivers_and_its_faces(videos: pd.DataFrame, rule: Trials) -> None:
    number = {name: n for n, name in enumerate(PEOPLE)}
    target, driver = (videos[role].map(number).to_numpy(dtype=int) for role in ("target", "driver"))
    for target_trials in make_trials(videos, cell_of(rule), rule):
        for pairs in (target_trials.genuine, target_trials.impostor):
            for (a, b), result in zip(pairs, target_trials.people_of(pairs, target, driver), strict=True):
                roles = {driver[a], driver[b]}
                roles |= set() if rule.rule is TrialRule.SAME_DRIVER else {target[a], target[b]}
                assert set(result.tolist()) == roles
                assert result[0] == number[target_trials.target]


def test_different_faces_draw_the_same_clips_on_every_face_and_by_every_generator() -> None:
    rows = [
        (f"{g}-{face}-{person}-{n}", face, person, f"{person}{n}", g, "one", None)
        for g in "xy" for face in ("one:a", "one:b", "one:c") for person in ("one:a", "one:b", "one:c")
        for n in range(6)
    ]  # fmt: skip
    videos = pd.DataFrame(rows, columns=COLUMNS)
    fields = {"rule": "different-face", "clips_per_driver": 2, "seed": 5}
    used = []
    for rule in (Trials(**fields), Trials(**fields, across_generators=True)):
        parts = [
            pairs
            for target_trials in make_trials(videos, cell_of(rule), rule)
            for pairs in (target_trials.genuine, target_trials.impostor)
        ]
        used.append(set(videos["clip"].iloc[np.unique(np.concatenate(parts))]))
    assert used[0] == used[1]
    assert len(used[0]) == 6
    near = Trials(**fields, share_driving_clip=True, only_shared_clips=True)
    for target_trials in make_trials(videos, "x", near):
        assert len(target_trials.genuine) == 2 * 2  # both clips, on both other faces
        assert (
            videos["clip"].to_numpy()[target_trials.genuine[:, 0]]
            == videos["clip"].to_numpy()[target_trials.genuine[:, 1]]
        ).all()


def test_cells_are_named_by_both_generators() -> None:
    across = Trials(across_generators=True)
    assert cell_names(["tps", "lia"], Trials()) == ["lia", "tps"]
    assert cell_names(["tps", "lia"], across) == ["lia>tps", "tps>lia"]
    assert cell_generators("lia>tps") == ("lia", "tps")
    assert cell_generators("lia") == ("lia", "lia")
    with pytest.raises(NvfairError, match="'a>b'"):
        cell_names(["a>b"], across)


@pytest.mark.parametrize(("cell", "across"), [("lia", True), ("lia>tps", False), ("lia>lia", True)])
def test_a_cell_that_does_not_fit_the_rule_is_refused(cell: str, across: bool) -> None:
    videos = pd.DataFrame([], columns=COLUMNS)
    with pytest.raises(NvfairError, match=f"cell '{cell}'"):
        next(make_trials(videos, cell, Trials(across_generators=across)))


def test_videos_that_share_a_file_name_stay_two_videos() -> None:
    """Peers grouped frames into videos by the name of their folder, which merged different people's videos."""
    name = "001-happy"
    rows = [(f"one/a/{name}", "one:a", "one:a", "c1"), (f"one/b/{name}", "one:a", "one:b", "c2"), ("one/a/002", "one:a",
             "one:a", "c3")]  # fmt: skip
    videos = pd.DataFrame(rows, columns=COLUMNS[:4]).assign(generator="x", source="one", clip_name=name)
    ids = videos["video"].to_numpy()
    item = next(make_trials(videos, "x", Trials()))
    assert item.trial_names(ids, item.genuine) == [trial_name(f"one/a/{name}", "one/a/002")]
    assert item.trial_names(ids, item.impostor) == [
        trial_name(f"one/a/{name}", f"one/b/{name}"), trial_name("one/a/002", f"one/b/{name}")
    ]  # fmt: skip
    table = EmbeddingTable(ids, np.zeros(3, int), np.zeros(3, int), np.eye(3, dtype=np.float32), {})
    assert video_embeddings(table, ids.tolist()).video_means().tolist() == np.eye(3).tolist()


def test_a_video_that_is_there_twice_is_refused_by_name() -> None:
    videos = pd.DataFrame([("v", "one:a", "one:a", "c", "x", "one", None)] * 2, columns=COLUMNS)
    with pytest.raises(NvfairError, match="video v is there twice"):
        next(make_trials(videos, "x", Trials()))


def test_a_table_without_scenarios_is_refused_where_they_matter() -> None:
    videos = pd.DataFrame([("v", "one:a", "one:a", "c", "x", "one")], columns=COLUMNS[:-1])
    with pytest.raises(NvfairError, match="no column 'scenario'"):
        next(make_trials(videos, "x", Trials(scenarios=("scripted", "free"))))
