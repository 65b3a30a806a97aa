"""The layouts that a data set can be exported in. To add one: a module beside this, and its line in `TARGETS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nvfair_tools.dataset.exports import nvfair_layout, webdataset_shards
from nvfair_tools.dataset.exports.plan import ExportPlan
from nvfair_tools.errors import NvfairError


@dataclass(frozen=True)
class Target:
    """A layout. plan: names every file that is written of a data set's videos, given the options. defaults: of the
    options. version: another number for another layout of the same name."""

    name: str
    plan: Callable[..., ExportPlan]
    defaults: Mapping[str, Any]
    version: int = 1

    def check_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """All options, those of `options` in place of the defaults; NvfairError where it has no such option."""
        if unknown := sorted(options.keys() - self.defaults.keys()):
            raise NvfairError(
                f"the layout {self.name} has no option {', '.join(unknown)}",
                expected=", ".join(self.defaults) or "no option",
            )
        return {**self.defaults, **options}


TARGETS: Mapping[str, Target] = {
    "webdataset": Target("webdataset", webdataset_shards.plan_shards, webdataset_shards.DEFAULTS),
    "nvfair": Target("nvfair", nvfair_layout.plan_layout, {}),
}


def target_named(name: str) -> Target:
    """The layout of that name. Raises NvfairError where there is none."""
    if name not in TARGETS:
        raise NvfairError(f"there is no layout {name!r}", expected=f"one of {', '.join(TARGETS)}")
    return TARGETS[name]
