"""Protocol files: their names are their content."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from benchmark.protocols.reading import parse_protocol, read_protocol
from benchmark.protocols.schema import Protocol, Relation, Sweep, TrialRule, expand_sweep
from nvfair_tools.errors import NvfairError, Problems


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    protocol = Protocol(name="mine", time={"fps": "30000/1001", "window": 70}, trials={"rule": "cross-cross"})
    path = tmp_path / "mine.json"
    path.write_text(protocol.to_json())
    assert read_protocol(path) == protocol
    assert read_protocol(path).digest == protocol.digest
    assert protocol.time.rate == Fraction(30000, 1001)
    assert protocol.trials.rule is TrialRule.CROSS_CROSS


def test_the_digest_follows_figures_not_names_or_spelling() -> None:
    base = Protocol(name="a")
    assert Protocol(name="b", title="other").digest == base.digest
    assert Protocol(name="a", time={"fps": "60/2"}).digest == base.digest
    for change in (
        {"time": {"stride": 36}},
        {"missing": {"max_gap_frames": 6}},
        {"scoring": {"score": "cosine"}},
        {"generators": {"relation": "unseen"}},
        {"uncertainty": {"seed": 1}},
        {"split": {"test": "test2"}},
        {"trials": {"share_driving_clip": True}},
    ):
        assert Protocol(name="a", **change).digest != base.digest


@pytest.mark.parametrize("fps", ["0", "-25", "1/0", "nan"])
def test_impossible_frame_rates_are_refused(fps: str) -> None:
    with pytest.raises(Problems, match=r"time\.fps"):
        parse_protocol({"name": "a", "time": {"fps": fps}})


def test_the_shipped_protocols_say_what_their_names_say() -> None:
    from benchmark import protocols

    assert {"nvfair-seen", "nvfair-unseen"} <= set(protocols.names())
    seen, unseen = protocols.load("nvfair-seen"), protocols.load("nvfair-unseen")
    assert (seen.generators.relation, unseen.generators.relation) == (Relation.SEEN, Relation.UNSEEN)
    assert seen.time.window == unseen.time.window == 71
    assert seen.trials.rule is TrialRule.SELF_SELF_VS_SELF_CROSS
    assert seen.digest != unseen.digest
    with pytest.raises(NvfairError, match="nvfair-seen, nvfair-unseen"):
        protocols.load("nvfair-none")


# nvfair-unseen as the first release wrote it, and the digests that its four protocols had then.
FIRST_RELEASE = """{"format_version": 1, "generators": {"relation": "unseen", "test": [], "train": []}, "missing":
{"max_gap_frames": 5, "short_videos": "exclude"}, "name": "nvfair-unseen", "scoring": {"aggregation": "mean-embedding",
"fmr_targets": [0.1, 0.01], "headline": "mean-auc-over-targets", "score": "negative-euclidean"}, "split": {"test":
"test", "train": "train", "validation": "validation"}, "time": {"fps": "30/1", "stride": 35, "window": 71}, "title": "",
"trials": {"clips_per_driver": 0, "rule": "self-self-vs-self-cross", "seed": 0, "share_driving_clip": false},
"uncertainty": {"confidence": 0.95, "permutations": 1000, "resamples": 1000, "seed": 0}}"""
FIRST_DIGESTS = {
    "nvfair-seen": "98239e269f44bbba43e9bb014072aabb32f2fb24e86282e234c2be4cec5c8706",
    "nvfair-unseen": "2c4a54f6e95fa9255f49a79e1e1e081bf33e0735dde50eb724cff95186caa8d1",
    "avaprintdb-seen": "cb6a9c826c592e881ccc49350ff395c5821d6eefa2962ea6e5b6aeb4bd6e153b",
    "avaprintdb-unseen": "e1d4e0c798bd6b98e213d5ca9e64ab4f9e9393af30bcddcb046648533a6c4383",
}


def test_a_file_of_the_first_release_keeps_its_digest_and_its_fields() -> None:
    """Figures carry these digests: a new rule or field must leave them as they are."""
    protocol = parse_protocol(json.loads(FIRST_RELEASE))
    assert protocol.digest == FIRST_DIGESTS["nvfair-unseen"]
    assert json.loads(protocol.to_json()) == json.loads(FIRST_RELEASE)


@pytest.mark.parametrize("name", sorted(FIRST_DIGESTS))
def test_shipped_protocols_have_changed_in_their_fmr_targets_alone(name: str) -> None:
    from benchmark import protocols

    content = json.loads(protocols.load(name).to_json())
    assert content["scoring"].pop("fmr_targets") == [0.1, 0.01, 0.001]
    assert parse_protocol(content).digest == FIRST_DIGESTS[name]


SHIPPED = {
    "avaprintdb-seen": "ee4664e71a85f53c",
    "avaprintdb-unseen": "64196bf10beed4e4",
    "nvfair-cross-cross": "447886c8b577a0cc",
    "nvfair-cross-generator": "72d20527ef53078b",
    "nvfair-different-face": "f16f27d963574da9",
    "nvfair-duration-1": "1a45edef5ad8dfbd",
    "nvfair-duration-2": "573fa22de5518b30",
    "nvfair-duration-4": "fec95a47fa0df04d",
    "nvfair-duration-8": "fb6feb126926f362",
    "nvfair-enrol-k-1": "45a46d8196dad603",
    "nvfair-enrol-k-2": "61a81cd49b74f5e3",
    "nvfair-enrol-k-4": "38e5c7c6ac02adda",
    "nvfair-enrol-k-8": "7c235e725a985a25",
    "nvfair-same-clip": "0994c79555536692",
    "nvfair-same-clip-generators": "c2b3368f9ea0d60e",
    "nvfair-scripted-vs-free-scripted-free": "33340ae047cd7073",
    "nvfair-scripted-vs-free-free-scripted": "c4f5d14b86cb630b",
    "nvfair-scripted-vs-free-scripted-scripted": "dc0bb8bbf6c13663",
    "nvfair-scripted-vs-free-free-free": "f69e3b3264c350a3",
    "nvfair-seen": "11a7bc26d978e4bc",
    "nvfair-unseen": "2f39d430ca0cbbdb",
}


def test_digests_of_shipped_protocols_never_change() -> None:
    from benchmark import protocols

    assert {
        protocol.name: protocol.digest[:16] for name in protocols.names() for protocol in protocols.load_all(name)
    } == SHIPPED


def test_unused_fields_are_neither_written_nor_hashed_and_used_ones_are_both() -> None:
    base = Protocol(name="a")
    for change in (
        {"trials": {"across_generators": True}},
        {"trials": {"scenarios": ["scripted", "free"]}},
        {"trials": {"template": {"clips": 1}}},
        {"trials": {"share_driving_clip": True, "only_shared_clips": True}},
        {"time": {"seconds": 2}},
        {"scoring": {"template": "mean-score"}},
    ):
        (part, fields), *_ = change.items()
        field = list(fields)[-1]
        changed = Protocol(name="a", **change)
        assert changed.digest != base.digest
        assert field in json.loads(changed.to_json())[part]
        assert field not in json.loads(base.to_json())[part]
        spelt = json.loads(base.to_json())
        spelt[part][field] = type(getattr(base, part)).model_fields[field].default
        assert parse_protocol(spelt).digest == base.digest
        assert parse_protocol(json.loads(changed.to_json())) == changed


def test_a_sweep_is_its_plain_protocols_which_have_the_digests_of_hand_written_ones() -> None:
    sweep = Protocol(name="long", title="Long", sweep={"field": "time.seconds", "values": [1, 2.5]})
    members = expand_sweep(sweep)
    assert [member.name for member in members] == ["long-1", "long-2-5"]
    assert [member.time.seconds for member in members] == [1, 2.5]
    assert [member.digest for member in members] == [Protocol(name="x", time={"seconds": s}).digest for s in (1, 2.5)]
    assert len({sweep.digest, *(member.digest for member in members)}) == 3
    assert expand_sweep(members[0]) == [members[0]]
    assert parse_protocol(json.loads(sweep.to_json())) == sweep
    spelt = sweep.model_copy(update={"sweep": Sweep(field="time.seconds", values=(1.0, 2.5))})
    assert spelt.digest == sweep.digest
    turned = Protocol(name="long", sweep={"field": "time.seconds", "values": [2.5, 1]})
    assert turned.digest != sweep.digest


@pytest.mark.parametrize(
    ("field", "values", "message"),
    [
        ("time.second", [1], "no field"),
        ("clock.seconds", [1], "no part 'clock'"),
        ("trials.template.clips", [1], "no part 'template'"),
        ("time", [{}], "no field"),
        ("name", ["b"], "no field"),
        ("sweep", [None], "no field"),
        ("time.seconds", [-1], "expected a number above 0"),
        ("time.seconds", [1, 1.0], "one digest"),
        ("time.window", [], "at least 1 item"),
    ],
)
def test_a_sweep_that_cannot_be_expanded_is_refused(field: str, values: list, message: str) -> None:
    with pytest.raises(Problems, match=message):
        parse_protocol({"name": "a", "sweep": {"field": field, "values": values}})


@pytest.mark.parametrize(
    "fields",
    [
        {"only_shared_clips": True},
        {"template": {"clips": 2}, "rule": "cross-cross"},
        {"template": {"clips": 2}, "share_driving_clip": True},
        {"template": {"clips": 0}},
        {"scenarios": ["free"]},
    ],
)
def test_rules_that_contradict_themselves_are_refused(fields: dict) -> None:
    with pytest.raises(Problems, match="trials"):
        parse_protocol({"name": "a", "trials": fields})


def test_a_member_of_a_shipped_sweep_has_a_name() -> None:
    from benchmark import protocols

    assert protocols.load("nvfair-duration-4").time.seconds == 4
    assert protocols.load("nvfair-duration").sweep is not None
    assert [protocol.name for protocol in protocols.load_all("nvfair-duration")] == [
        f"nvfair-duration-{n}" for n in (1, 2, 4, 8)
    ]
    with pytest.raises(NvfairError, match="nvfair-duration-3"):
        protocols.load("nvfair-duration-3")


@pytest.mark.parametrize(("seconds", "fps", "frames"), [(1, "30/1", 30), (0.1, "30/1", 3), (2, "30000/1001", 59)])
def test_seconds_become_whole_frames_that_fit_into_them(seconds: float, fps: str, frames: int) -> None:
    assert Protocol(name="a", time={"seconds": seconds, "fps": fps}).time.frames == frames


def test_avaprintdbs_protocols_say_what_its_paper_says() -> None:
    from benchmark import protocols

    for name, relation in (("avaprintdb-seen", Relation.SEEN), ("avaprintdb-unseen", Relation.UNSEEN)):
        protocol = protocols.load(name)
        assert protocol.generators.relation is relation
        assert (protocol.time.window, protocol.time.stride) == (70, 35)
        assert protocol.trials.rule is TrialRule.SAME_DRIVER
        assert (protocol.scoring.aggregation, protocol.scoring.score) == ("mean-score", "cosine")
        assert protocol.scoring.headline == "pooled-auc"


def test_shipped_files_write_every_default_out() -> None:
    from importlib import resources

    from benchmark import protocols

    for name in protocols.names():
        text = (resources.files("benchmark.protocols") / f"{name}.json").read_text()
        assert json.loads(text) == json.loads(protocols.load(name).to_json())
        assert protocols.load(name).name == name
