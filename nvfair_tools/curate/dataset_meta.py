"""The content of dataset.json that describes how a data set was made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nvfair_tools import __version__
from nvfair_tools.dataset.schema import LANDMARK_COUNT
from nvfair_tools.landmarks.scheme import SCHEME_126
from nvfair_tools.recipe.known_collections import COLLECTIONS
from nvfair_tools.recipe.recipe import Recipe


def dataset_meta(
    recipe: Recipe,
    landmarkers: Iterable[tuple[str, str]],
    generators: Iterable[Mapping[str, Any]],
    consent_sha256: str = "",
) -> dict[str, Any]:
    """Describes a data set: its landmarks, features, generators, recipe and tools, as JSON values.

    landmarkers: (name, version) of those that found the data set's faces. generators: a description of each, such as
    `ChosenGenerator.describe` returns. consent_sha256: of the recipe's consent table. What users of a public collection
    must mind is added as `cautions`.
    """
    collections = [COLLECTIONS[source.collection] for source in recipe.sources if source.collection is not None]
    cautions = [f"{collection.title}: {collection.caution}." for collection in collections]
    rights = recipe.rights.without_defaults(recipe.rights.model_dump(mode="json"))
    governance: dict[str, Any] = {name: rights[name] for name in ("use", "purpose", "licences") if name in rights}
    governance |= {"consent_sha256": consent_sha256} if consent_sha256 else {}
    return (
        {
            "name": recipe.name,
            "synthetic": True,
            "simulated": recipe.simulated,
            "landmarks": {
                "scheme": SCHEME_126.name,
                "scheme_version": SCHEME_126.version,
                "points": LANDMARK_COUNT,
                "landmarkers": sorted(f"{name} {version}" for name, version in landmarkers),
            },
            "features": {
                "distances": recipe.features.distances,
                "scale": recipe.features.scale,
                "mesh": recipe.features.mesh,
            },
            "generators": [dict(generator) for generator in generators],
            "recipe": recipe.digest(),
            "tools": {"nvfair_tools": __version__},
        }
        | ({"cautions": cautions} if cautions else {})
        | ({"governance": governance} if governance else {})
        | ({"publication": recipe.publication.stored()} if recipe.publication else {})
        | ({"clip_checks": recipe.clip_checks.model_dump(mode="json", exclude={"pack"})} if recipe.clip_checks else {})
    )
