"""What goes to DataCite and Zenodo: valid by DataCite's schema, and no more open than people and licences allow."""

import json
import shutil
from dataclasses import replace
from datetime import date

import pytest
from click.testing import CliRunner

from nvfair_tools.cli.dataset.metadata import metadata
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.consents import write_consents
from nvfair_tools.governance.uses import Answer, Consent
from nvfair_tools.metadata.access import judge_access
from nvfair_tools.metadata.datacite import datacite_text, missing_for_doi
from nvfair_tools.metadata.description import Description
from nvfair_tools.metadata.zenodo import missing_for_zenodo, zenodo_text

DAY = date(2026, 7, 1)


@pytest.fixture(scope="module")
def validator():
    """DataCite's JSON schema 4.5, as its own Python package ships it."""
    schema = pytest.importorskip("datacite.schema45", reason="pip install 'nvfair-tools[dev]'")
    return schema.validator


def with_columns(dataset: Dataset, **values: str) -> Dataset:
    """The data set as one of recorded people, whose tables hold other values in these columns."""
    meta = {key: value for key, value in dataset.meta.items() if key != "simulated"}
    return replace(
        dataset, meta=meta, identities=dataset.identities.assign(**values), videos=dataset.videos.assign(**values)
    )


def test_all_that_a_curator_may_state_is_valid(validator, described):
    content = json.loads((described / "datacite.json").read_text())
    assert [error.message for error in validator.iter_errors(content)] == []
    assert content["doi"] == "10.5281/zenodo.1234567"
    assert content["publicationYear"] == "2026"
    assert content["creators"][0] == {
        "name": "Doe, Jane",
        "nameType": "Personal",
        "familyName": "Doe",
        "givenName": "Jane",
        "nameIdentifiers": [
            {
                "nameIdentifier": "https://orcid.org/0000-0002-1825-0097",
                "nameIdentifierScheme": "ORCID",
                "schemeUri": "https://orcid.org",
            }
        ],
        "affiliation": [{"name": "A Lab"}],
    }
    assert content["creators"][1] == {"name": "A Lab", "nameType": "Organizational"}


def test_what_is_not_stated_is_all_that_the_schema_misses(validator, plain):
    data = Description.of(Dataset.open(plain))
    messages = sorted(error.message for error in validator.iter_errors(json.loads(datacite_text(data))))
    assert messages == [f"'{name}' is a required property" for name in ("creators", "publicationYear", "publisher")]
    assert missing_for_doi(data) == ["publication.creators", "publication.publisher", "publication.published"]


def test_simulated_people_under_a_free_licence_are_open(described):
    rights = json.loads((described / "datacite.json").read_text())["rightsList"]
    assert [right.get("rightsIdentifier", right["rights"]) for right in rights] == ["CC0-1.0", "open access"]
    deposit = json.loads((described / ".zenodo.json").read_text())
    assert (deposit["access_right"], deposit["license"], deposit["upload_type"]) == ("open", "cc0-1.0", "dataset")
    assert deposit["creators"][0] == {"name": "Doe, Jane", "affiliation": "A Lab", "orcid": "0000-0002-1825-0097"}


@pytest.mark.parametrize(
    ("permitted_use", "licence", "level"),
    [
        ("any", "CC BY 4.0", "open"),
        ("research; no publication", "CC BY 4.0", "closed"),
        ("research", "CC BY 4.0", "closed"),  # nobody was asked about passing on
        ("any", "CC BY-NC-ND 4.0", "closed"),  # no derivatives
        ("any", "our own agreement", "closed"),  # which nobody knows
    ],
)
def test_access_is_what_people_and_licences_allow(plain, permitted_use, licence, level):
    dataset = with_columns(Dataset.open(plain), permitted_use=permitted_use, licence=licence)
    data = Description.of(dataset, day=DAY)
    assert data.access.level == level
    deposit = json.loads(zenodo_text(data))
    assert deposit["access_right"] == level
    assert ("license" in deposit) == (level == "open")
    count = data.access.redistribution
    assert count.permitted + sum(count.refused.values()) == len(dataset.videos)
    assert (count.permitted == 0) == (level == "closed")


@pytest.mark.parametrize(
    ("scope", "expires", "level", "purposes"),
    [
        ({"any"}, None, "open", ("research", "education", "commercial")),
        ({"research"}, None, "restricted", ("research",)),
        ({"education"}, None, "closed", ("education",)),  # the set is made for research
        ({"any"}, date(2026, 6, 30), "closed", ()),  # ended the day before
    ],
)
def test_access_follows_consents_on_the_day(plain, tmp_path, scope, expires, level, purposes):
    folder = shutil.copytree(plain, tmp_path / "set")
    dataset = with_columns(Dataset.open(folder), permitted_use="research", licence="CC BY 4.0")
    yes = Answer("yes", scope=frozenset(scope), since=date(2026, 1, 1), expires=expires)
    write_consents(folder, {identity: Consent.of({}, yes) for identity in dataset.identities["identity"]})
    access = judge_access(dataset, DAY)
    assert (access.level, access.purposes) == (level, purposes)
    data = Description.of(dataset, day=DAY)
    deposit = json.loads(zenodo_text(data))
    assert ("access_conditions" in deposit) == (level == "restricted")


def test_zenodo_takes_one_licence_and_is_told_of_several(plain):
    dataset = with_columns(Dataset.open(plain), licence="CC BY 4.0 + ODbL 1.0", permitted_use="any")
    data = Description.of(dataset, day=DAY)
    assert data.access.level == "open"
    deposit = json.loads(zenodo_text(data))
    assert "license" not in deposit
    assert deposit["notes"].startswith("Licences: CC-BY-4.0, ODbL-1.0.")
    assert missing_for_zenodo(data) == ["one licence of SPDX's list (the data set has 2 licences)"]


def test_works_that_it_was_made_from_are_named_by_their_doi(plain, validator):
    dataset = with_columns(Dataset.open(plain), source="ravdess", permitted_use="any", licence="CC BY-NC-SA 4.0")
    content = json.loads(datacite_text(Description.of(dataset, day=DAY)))
    assert content["relatedIdentifiers"] == [
        {
            "relatedIdentifier": "10.5281/zenodo.1188976",
            "relatedIdentifierType": "DOI",
            "relationType": "IsDerivedFrom",
        }
    ]


def test_the_command_writes_and_says_what_a_doi_lacks(plain, tmp_path):
    folder = shutil.copytree(plain, tmp_path / "set")
    result = CliRunner().invoke(metadata, [str(folder)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "missing: publication.creators, publication.publisher, publication.published" in result.output
    stated = tmp_path / "publication.yaml"
    stated.write_text("creators: [{name: A Lab, organisation: true}]\npublisher: Zenodo\npublished: 2026-11-01\n")
    result = CliRunner().invoke(metadata, [str(folder), "--publication", str(stated)], catch_exceptions=False)
    assert "missing" not in result.output
    assert Dataset.open(folder).meta["publication"]["publisher"] == "Zenodo"
