"""The digital source type that a recipe's generators write into their videos."""

import pytest

from nvfair_tools.recipe.recipe import Recipe
from nvfair_tools.render.choice import resolve_generators

# Of the recipe with one warp generator, before generators had this key.
DIGEST = "fb58f75e94283e14bd61f6ab05880c5373098dd11e4ef9a4daf2e5a0eca06ab8"
SETTINGS = {"name": "tool", "command": "true {portrait} {clip} {out}", "licence": "MIT"}
EXTERNAL = {"name": "external", "settings": SETTINGS}


def recipe(*generators):
    return Recipe.model_validate(
        {
            "name": "Types",
            "output": "out",
            "sources": [{"csv": "clips.csv"}],
            "rights": {"render_if": ["research"]},
            "generators": list(generators),
        }
    )


def test_a_warp_is_no_trained_algorithm_and_a_program_is_one_unless_the_recipe_says_otherwise():
    chosen = resolve_generators(
        recipe(
            {"name": "warp-dense"},
            {"name": "warp-tps"},
            EXTERNAL,
            EXTERNAL | {"variant": "classical", "digital_source_type": "algorithmicMedia"},
        )
    )
    assert {generator.label: generator.describe()["digital_source_type"] for generator in chosen} == {
        "warp-dense": "algorithmicMedia",
        "warp-tps": "algorithmicMedia",
        "external": "trainedAlgorithmicMedia",
        "external-classical": "algorithmicMedia",
    }


@pytest.mark.parametrize("name", ["generators.lia", "generators.tps", "generators.face_vid2vid"])
def test_the_networks_claim_no_term_but_that_of_trained_algorithms(name):
    pytest.importorskip("torch", reason="the extra `render` is not installed")
    module = __import__(f"{name}.generator", fromlist=["generator"])
    classes = [value for value in vars(module).values() if isinstance(value, type) and hasattr(value, "family")]
    assert classes
    assert not any(hasattr(kind, "digital_source_type") for kind in classes)


def test_a_term_that_no_rendered_video_can_have_is_refused():
    with pytest.raises(ValueError, match="digital_source_type"):
        recipe({"name": "warp-dense", "digital_source_type": "digitalCapture"})


def test_a_recipe_without_the_key_has_the_hash_that_it_always_had():
    plain, explicit = recipe({"name": "warp-dense"}), recipe({"name": "warp-dense", "digital_source_type": None})
    other = recipe({"name": "warp-dense", "digital_source_type": "compositeSynthetic"})
    assert plain.digest() == explicit.digest() == DIGEST != other.digest()
