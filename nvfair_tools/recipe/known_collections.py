"""The public collections whose folders a recipe can name."""

from __future__ import annotations

from nvfair_tools.recipe.cremad import CREMAD
from nvfair_tools.recipe.ravdess import RAVDESS

COLLECTIONS = {collection.name: collection for collection in (RAVDESS, CREMAD)}
NAMESPACES = frozenset(collection.namespace for collection in COLLECTIONS.values())
