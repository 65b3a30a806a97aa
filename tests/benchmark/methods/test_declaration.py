"""A declaration answers who and what a method has touched, and silence never counts as "nobody"."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.methods.declaration import (
    Declaration,
    RoleExposure,
    check_disjoint,
    parse_declaration,
    read_declaration,
)
from nvfair_tools.errors import NvfairError, Problems

ANNA, BEN, CARA = "toy:anna", "toy:ben", "toy:cara"


def _exposure(people: set[str], generators: set[str]) -> RoleExposure:
    return RoleExposure(frozenset(people), frozenset(generators))


DECLARED = Declaration(
    training=_exposure({ANNA, BEN}, {"alpha"}),
    selection=_exposure({CARA}, {"beta"}),
    held_out=frozenset({"toy:test"}),
    data={"name": "toy"},
)
SILENT = Declaration(training=_exposure({ANNA}, {"alpha"}), cohorts=RoleExposure(None, None))


def test_the_json_form_is_the_one_that_files_hold() -> None:
    assert Declaration(training=DECLARED.training, cohorts=SILENT.cohorts).to_json() == {
        "training": {"people": [ANNA, BEN], "generators": ["alpha"]},
        "selection": {"people": [], "generators": []},
        "thresholds": {"people": [], "generators": []},
        "cohorts": {"people": "unknown", "generators": "unknown"},
        "held_out": [],
        "data": {},
    }


def test_declarations_come_back_from_json_and_a_role_left_out_is_unknown() -> None:
    assert parse_declaration(json.loads(json.dumps(DECLARED.to_json()))) == DECLARED
    partial = parse_declaration(
        {"training": {"people": ["cremad:1001"], "generators": ["a"]}, "selection": {"people": "unknown"}}
    )
    assert parse_declaration(json.loads(json.dumps(partial.to_json()))) == partial
    assert partial.unknown_roles == ("selection", "thresholds", "cohorts")


def test_all_wrong_keys_are_named_at_once() -> None:
    with pytest.raises(Problems) as caught:
        parse_declaration({"training": {"people": ["1001"], "persons": []}, "traning": {}, "held_out": "x"})
    assert len(caught.value.problems) == 4
    with pytest.raises(NvfairError, match="a declaration is a mapping"):
        parse_declaration(["cremad:1001"])


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text("training: {people: [")
    with pytest.raises(NvfairError, match=r"d\.yaml: not valid YAML: line 1"):
        read_declaration(tmp_path / "d.yaml")


def test_people_and_generators_of_all_roles_are_unknown_where_one_role_is_silent() -> None:
    assert DECLARED.people == {ANNA, BEN, CARA}
    assert DECLARED.generators == {"alpha", "beta"}
    assert (SILENT.people, SILENT.generators) == (None, None)
    assert Declaration.untrained().people == frozenset()
    assert Declaration.unknown().people is None


def test_silence_of_one_role_hides_no_person_that_another_names() -> None:
    assert SILENT.named_people == {ANNA}
    assert SILENT.shared_people([ANNA, BEN]) == {"training": [ANNA]}
    assert DECLARED.shared_people([CARA, BEN, "toy:new"]) == {"training": [BEN], "selection": [CARA]}


@pytest.mark.parametrize(
    ("declaration", "generator", "relation"),
    [
        (DECLARED, "alpha", "seen"),
        (DECLARED, "beta", "selected"),
        (DECLARED, "gamma", "unseen"),
        (SILENT, "alpha", "seen"),
        (SILENT, "gamma", "unknown"),
        (Declaration.unknown(), "alpha", "unknown"),
        (Declaration.untrained(), "alpha", "unseen"),
    ],
)
def test_a_generator_is_unseen_only_where_every_role_says_what_it_used(
    declaration: Declaration, generator: str, relation: str
) -> None:
    assert declaration.relation_to(generator) == relation


def test_people_in_two_groups_that_must_be_disjoint_are_listed() -> None:
    declaration = Declaration(
        training=_exposure({ANNA, BEN}, set()),
        selection=_exposure({BEN}, set()),
        cohorts=_exposure({CARA}, set()),
        held_out=frozenset({CARA, ANNA}),
    )
    assert [str(shared) for shared in declaration.contradictions()] == [
        f"1 person is in training and in selection: {BEN}",
        f"1 person is in training and in test: {ANNA}",
        f"1 person is in cohorts and in test: {CARA}",
    ]
    with pytest.raises(NvfairError, match=f"in training and in validation: {BEN}"):
        check_disjoint(declaration, where="here")
    check_disjoint(DECLARED, where="here")


def test_a_role_that_tells_drivers_and_targets_apart_counts_both_as_its_people() -> None:
    exposure = RoleExposure.from_videos([ANNA, ANNA], [BEN, ANNA], ["alpha"])
    assert exposure.people == {ANNA, BEN}
    assert exposure.to_json() == {"people": [ANNA, BEN], "generators": ["alpha"]}
    with pytest.raises(ValueError, match="are not its people"):
        RoleExposure(frozenset({CARA}), drivers=frozenset({ANNA}), targets=frozenset({BEN}))


def test_joined_roles_hold_everybody_and_what_is_unknown_stays_so() -> None:
    first = RoleExposure.from_videos(["a:1"], ["a:2"], ["g"])
    second = RoleExposure.from_videos(["a:2"], ["a:3"], ["h"])
    joined = first.joined(second)
    assert joined == RoleExposure.from_videos(["a:1", "a:2"], ["a:2", "a:3"], ["g", "h"])
    assert first.joined(RoleExposure()) == RoleExposure().joined(first) == first
    assert first.joined(RoleExposure(None, frozenset())).people is None
    apart = first.joined(RoleExposure(frozenset({"a:9"}), frozenset()))
    assert (apart.people, apart.drivers) == (frozenset({"a:1", "a:2", "a:9"}), None)
