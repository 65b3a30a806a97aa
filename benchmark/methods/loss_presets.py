"""Losses in published settings, by name. Needs no torch, as reports read it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

# Losses by name, as values of LossOptions. "re-implementation": the setting of the public re-implementation of NVFAIR's
# loss, with which ours equals it; what the paper itself uses is not known. "trustfa": TrustFA's contrastive loss.
LOSS_PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "re-implementation": MappingProxyType(
            {
                "kind": "fingerprint",
                "tau": 0.5,
                "scale": "batch",
                "include_self": True,
                "share_driving_clip": True,
                "shuffle_weight": 1.0,
            }
        ),
        "trustfa": MappingProxyType(
            {
                "kind": "supcon",
                "temperature": 0.07,
                "negatives": "any",
                "share_driving_clip": True,
                "floor": 1e-8,
            }
        ),
    }
)


def loss_label(values: Mapping[str, Any]) -> str:
    """The name in reports of a loss with these values of LossOptions: that of the preset that has them, or its kind."""
    for name, preset in LOSS_PRESETS.items():
        if all(values.get(option) == value for option, value in preset.items()):
            return name
    return str(values.get("kind", "unknown"))
