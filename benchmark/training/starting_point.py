"""Training that goes on from a checkpoint: its weights, and everybody whom it has seen."""

from __future__ import annotations

from dataclasses import replace

from benchmark.methods.checkpoint import Checkpoint
from benchmark.methods.declaration import Declaration, check_disjoint
from benchmark.methods.network import Network
from nvfair_tools.errors import NvfairError

# Sizes that may differ between the two, as no weight depends on them.
_FREE_SIZES = ("dropout",)


def take_weights(network: Network, start: Checkpoint) -> None:
    """Puts the weights of `start` into a new network; NvfairError that names what differs between the two."""
    if start.network.method != network.method:
        raise NvfairError(
            f"the checkpoint {start.name} is of the network {start.network.method}, not {network.method}",
            remedy=f"pass --method {start.network.method}",
        )
    old, new = start.network.shape_json(), network.shape_json()
    differing = [key for key in sorted({*old, *new} - {*_FREE_SIZES}) if old.get(key) != new.get(key)]
    if differing:
        raise NvfairError(
            f"the network is not that of the checkpoint {start.name}",
            expected=", ".join(f"{key} {old.get(key)} (is {new.get(key)})" for key in differing),
            remedy="name the sizes that the checkpoint has",
        )
    network.load_state_dict(start.network.state_dict())


def with_earlier_exposure(declaration: Declaration, start: Checkpoint, *, where: object) -> Declaration:
    """The declaration of a training that went on from `start`: each role has seen what either has.

    Nobody may be touched whom either of the two has held out. Raises NvfairError where people of training, validation
    and test overlap between the two.
    """
    earlier = start.declaration
    joined = replace(
        declaration,
        training=declaration.training.joined(earlier.training),
        selection=declaration.selection.joined(earlier.selection),
        thresholds=declaration.thresholds.joined(earlier.thresholds),
        cohorts=declaration.cohorts.joined(earlier.cohorts),
        held_out=declaration.held_out | earlier.held_out,
        data={**declaration.data, **{f"before_{key}": value for key, value in earlier.data.items()}},
    )
    check_disjoint(joined, where=where)
    return joined
