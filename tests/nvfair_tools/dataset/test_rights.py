"""What a finished data set may be used for follows from its own files, for the day of the question."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from nvfair_tools.cli.dataset.group import dataset as command
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.consents import CONSENT_FILE, read_consents, write_consents
from nvfair_tools.dataset.rights import DatasetRights, usable_for
from nvfair_tools.errors import NvfairError
from nvfair_tools.governance.uses import Answer, Consent
from tests.benchmark.small_world import World, make

DAY = date(2026, 7, 1)
YES = Answer("yes", scope=frozenset({"research"}), since=date(2026, 1, 1))
AGREED = Consent.of({}, YES)
# Four training people, whose reenactments of one another are 4 drivers x 2 clips x 4 targets.
WORLD = World(people=(4, 1, 1), clips=2, generators=("alpha",), licence="CC-BY-4.0 + Apache-2.0")


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Dataset:
    return make(tmp_path_factory.mktemp("plain"), WORLD)


@pytest.fixture
def answered(tmp_path) -> Dataset:
    """The set with the answers of its people: one ends, one forbids display."""
    dataset = make(tmp_path, WORLD)
    consents = dict.fromkeys(dataset.identities["identity"], AGREED)
    consents["toy:00"] = Consent.of({}, replace(YES, expires=date(2026, 12, 31)))
    consents["toy:01"] = Consent.of({"display": Answer("no")}, YES)
    write_consents(tmp_path, consents)
    return dataset


def reasons(dataset: Dataset, use: str, day: date = DAY) -> Counter[str]:
    rows = dataset.usable()
    rows = rows[rows["split"] == "train"]
    return Counter(decision.reason for decision in DatasetRights(dataset, day).decisions(rows, use))


def test_answers_are_the_same_after_writing_and_reading(tmp_path):
    other = Answer("unknown", "consent table", frozenset(), None, date(2027, 1, 1), date(2026, 2, 3))
    consents = {"x:a": AGREED, "x:b": Consent.of({"voice": other}, YES)}
    write_consents(tmp_path, consents)
    assert read_consents(tmp_path) == consents
    assert read_consents(tmp_path / "elsewhere") is None


def test_a_damaged_file_of_answers_permits_nothing(tmp_path, plain):
    (tmp_path / CONSENT_FILE).write_bytes(b"PAR1 no more")
    with pytest.raises(NvfairError, match="what people agreed to cannot be read"):
        DatasetRights(replace(plain, folder=tmp_path), DAY)


def test_a_set_without_answers_trains_as_its_curator_declared_and_is_not_passed_on(plain):
    assert reasons(plain, "training") == {"": 32}
    assert reasons(plain, "redistribution") == reasons(plain, "display") == {"consent_unknown": 32}
    assert not any(DatasetRights(plain, DAY).hidden(plain.usable()))  # pages on this machine
    assert usable_for(plain, "training", DAY) is plain
    simulated = replace(plain, meta=plain.meta | {"simulated": True})
    assert reasons(simulated, "redistribution") == reasons(simulated, "voice") == {"": 32}


def test_words_that_forbid_hold_for_simulated_people_too(plain):
    videos = plain.videos.assign(permitted_use="no display")
    simulated = replace(plain, meta=plain.meta | {"simulated": True}, videos=videos)
    assert reasons(simulated, "display") == {"use_not_permitted": 32}
    assert all("no display" in why for why in DatasetRights(simulated, DAY).hidden(simulated.usable()))


def test_both_people_of_a_video_are_asked_on_the_day_of_the_question(answered):
    assert reasons(answered, "training") == reasons(answered, "redistribution") == {"": 32}
    # 14 of 32 videos have toy:00 in them, as a target or a driver.
    assert reasons(answered, "training", date(2027, 1, 1)) == {"": 18, "consent_expired": 14}
    assert reasons(answered, "display") == {"": 18, "consent_refused": 14}
    assert reasons(answered, "training", date(2025, 1, 1)) == {"consent_not_yet_valid": 32}
    commercial = replace(answered, meta=answered.meta | {"governance": {"purpose": "commercial"}})
    assert reasons(commercial, "training") == {"scope_not_covered": 32}


def test_a_person_without_an_answer_refuses(answered):
    consents = read_consents(answered.folder)
    del consents["toy:02"]
    write_consents(answered.folder, consents)
    assert reasons(answered, "training") == {"": 18, "consent_unknown": 14}


def test_pictures_of_whoever_refused_or_was_not_asked_are_hidden_where_people_were_asked(answered):
    rows = answered.usable()
    hidden = DatasetRights(answered, DAY).hidden(rows)
    is_hidden = (rows["target"] == "toy:01") | (rows["driver"] == "toy:01")
    assert [bool(why) for why in hidden] == is_hidden.tolist()


def test_what_may_not_be_used_is_left_out_with_its_reason_and_a_warning(answered):
    with pytest.warns(UserWarning, match="left out: .* consent_expired"):
        restricted = usable_for(answered, "training", date(2027, 1, 1))
    assert len(restricted.usable()) < len(answered.usable())
    left_out = restricted.videos[restricted.videos["reason"] == "consent_expired"]
    assert ((left_out["target"] == "toy:00") | (left_out["driver"] == "toy:00")).all()
    assert set(left_out["state"]) == {"rejected"}
    assert set(answered.videos["state"]) == {"ok"}  # the set itself is as it was


def test_training_does_not_touch_a_person_whose_consent_has_ended(answered, tmp_path: Path):
    pytest.importorskip("torch")
    from benchmark.training.loop import train
    from tests.benchmark.training.test_loop import OPTIONS, PROTOCOL

    ended = dict(read_consents(answered.folder))
    ended["toy:00"] = Consent.of({}, replace(YES, expires=date(2026, 1, 2)))
    write_consents(answered.folder, ended)
    options = replace(OPTIONS, generators=("alpha",), windows=64)
    with pytest.warns(UserWarning, match="consent_expired"):
        checkpoint = train(answered, tmp_path / "run", options, PROTOCOL)
    assert checkpoint.declaration.training.people == {"toy:01", "toy:02", "toy:03"}


def test_the_command_counts_what_is_permitted_and_fails_where_a_named_use_is_refused(plain):
    result = CliRunner().invoke(command, ["rights", str(plain.folder)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "for research on" in result.output
    lines = {line.split()[0]: line.split()[1:] for line in result.output.splitlines()[1:]}
    assert lines["training"] == ["36", "permitted"]
    assert lines["redistribution"] == ["0", "permitted,", "36", "consent_unknown"]
    refused = CliRunner().invoke(command, ["rights", str(plain.folder), "--use", "redistribution"])
    assert refused.exit_code == 1
    assert CliRunner().invoke(command, ["rights", str(plain.folder), "--use", "training"]).exit_code == 0
