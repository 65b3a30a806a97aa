"""Protocol files: their names are their content."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.protocol import Protocol, Relation, TrialRule, parse_protocol, read_protocol


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


def test_every_mistake_is_listed_with_its_place() -> None:
    wrong = {"name": "Bad Name", "time": {"fps": "fast", "window": 1}, "colour": "red"}
    with pytest.raises(Problems) as caught:
        parse_protocol(wrong, where="mine.json")
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    for part in ("mine.json", "time.fps", "'fast'", "time.window", "name", "colour"):
        assert part in text


@pytest.mark.parametrize("fps", ["0", "-25", "1/0", "nan"])
def test_impossible_frame_rates_are_refused(fps: str) -> None:
    with pytest.raises(Problems, match=r"time\.fps"):
        parse_protocol({"name": "a", "time": {"fps": fps}})


def test_other_versions_and_broken_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NvfairError, match="version 2"):
        parse_protocol({"format_version": 2, "name": "a"})
    path = tmp_path / "broken.json"
    path.write_text("{")
    with pytest.raises(NvfairError, match="not valid JSON"):
        read_protocol(path)
    with pytest.raises(NvfairError, match="no such"):
        read_protocol(tmp_path / "none.json")


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


def test_digests_of_published_protocols_never_change() -> None:
    """Figures carry these digests: a new rule or field must leave them as they are."""
    from benchmark import protocols

    assert protocols.load("nvfair-seen").digest == "98239e269f44bbba43e9bb014072aabb32f2fb24e86282e234c2be4cec5c8706"
    assert protocols.load("nvfair-unseen").digest == "2c4a54f6e95fa9255f49a79e1e1e081bf33e0735dde50eb724cff95186caa8d1"


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
