"""What the preflight says about the checks of clips: which are made, and whether identity can be verified."""

from __future__ import annotations

from collections.abc import Iterator

from nvfair_tools.curate.clip_checks.models import ClipModels
from nvfair_tools.curate.finding import Finding
from nvfair_tools.errors import NvfairError
from nvfair_tools.faces.insight import DEFAULT_PACK, pack_folder
from nvfair_tools.quality.clip_limits import CHECKS
from nvfair_tools.recipe.recipe import Recipe


def check_networks(recipe: Recipe) -> Iterator[Finding]:
    """Findings on the recipe's `clip_checks`; none without that key. Networks are loaded as workers load them."""
    rule = recipe.clip_checks
    if rule is None:
        return
    made = {name: check for name in CHECKS if (check := getattr(rule, name)) is not None}
    rejecting = [name for name, check in made.items() if check.action == "reject"]
    text = f"{len(made)} of {len(CHECKS)} checks, of which {', '.join(rejecting) or 'none'} reject"
    try:
        loaded = ClipModels.from_recipe(recipe).load()
    except NvfairError as error:
        yield Finding("error", "clip checks", error.what, error.remedy)
        return
    yield Finding("ok", "clip checks", text)
    if rule.identity is not None and loaded.recogniser is None:
        remedy = "name a pack on disk as `clip_checks: {pack: ...}`, or leave `identity` out"
        if _default_pack_is_there():
            remedy = f"{DEFAULT_PACK} is on this machine: `clip_checks: {{pack: {DEFAULT_PACK}}}`"
        yield Finding("warning", "clip checks", "identity will not be verified: no recognition network", remedy)


def _default_pack_is_there() -> bool:
    try:
        pack_folder()
    except NvfairError:
        return False
    return True
