"""What a recipe states for a publication: parsed once, every mistake named."""

from datetime import date

import pytest
import yaml
from pydantic import ValidationError

from nvfair_tools.dataset.publication import Creator, Publication, load_publication
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.recipe.recipe import load_recipe

RECIPE = {
    "name": "Set",
    "output": "dataset",
    "sources": [{"csv": "clips.csv"}],
    "rights": {"render_if": ["research"]},
    "generators": [{"name": "warp-dense"}],
}


@pytest.mark.parametrize(
    "orcid", ["0000-0002-1825-0097", "0000-0002-1694-233X", "https://orcid.org/0000-0001-5109-3700"]
)
def test_published_orcids_are_taken(orcid):
    assert Creator(name="Carberry, Josiah", orcid=orcid).orcid == orcid.rpartition("/")[2]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"creators": [{"name": "Doe", "orcid": "0000-0002-1825-0079"}]}, "would be"),
        ({"creators": [{"name": "Doe", "orcid": "12"}]}, "has the form"),
        ({"creators": [{"name": ""}]}, "at least 1 character"),
        ({"doi": "zenodo.12"}, "has the form 10.5281"),
        ({"url": "example.org"}, "begins with https://"),
        ({"version": 1.0}, "quote it"),
        ({"published": "soon"}, "date"),
        ({"author": "Doe"}, "Extra inputs"),
    ],
)
def test_mistakes_are_named(values, message):
    with pytest.raises(ValidationError, match=message):
        Publication.model_validate(values)


def test_a_dois_address_is_its_name():
    assert Publication(doi="https://doi.org/10.5281/zenodo.1").doi == "10.5281/zenodo.1"


def test_what_is_stated_does_not_change_the_set(tmp_path):
    (tmp_path / "plain.yaml").write_text(yaml.safe_dump(RECIPE))
    stated = {"creators": [{"name": "A Lab", "organisation": True}], "published": date(2026, 11, 1)}
    (tmp_path / "stated.yaml").write_text(yaml.safe_dump(RECIPE | {"publication": stated}))
    recipe = load_recipe(tmp_path / "stated.yaml")
    assert recipe.digest() == load_recipe(tmp_path / "plain.yaml").digest()
    assert recipe.publication.stored() == {
        "creators": [{"name": "A Lab", "organisation": True}],
        "published": "2026-11-01",
    }
    assert Publication.model_validate(recipe.publication.stored()) == recipe.publication


def test_a_file_of_its_own_has_all_its_mistakes_named(tmp_path):
    path = tmp_path / "publication.yaml"
    path.write_text("doi: none\nurl: none\n")
    with pytest.raises(Problems) as caught:
        load_publication(path)
    assert [line.partition(":")[0] for line in caught.value.problems] == ["url", "doi"]
    path.write_text("- a list\n")
    with pytest.raises(NvfairError, match="holds no keys"):
        load_publication(path)
