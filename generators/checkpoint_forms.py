"""Forms of checkpoints that are not the published one: what a file probably is, and how to bring it into form.

A checkpoint is {module: {tensor name: Tensor}}; a file that is one bare state dict has the module "".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

_PARALLEL = "module."  # what torch.nn.DataParallel puts before every name
_LISTED_TENSORS = 3
# Keys under which trainers keep one state dict of everything.
_WRAPPERS = ("", "state_dict", "model", "model_state_dict", "g_ema", "params", "params_ema")


def form_hint(checkpoint: Mapping[str, Mapping[str, Tensor]], recognised: Callable[[dict], str]) -> str:
    """A sentence on a known foreign form that `checkpoint` has, beginning with a blank; "" for no such form.

    recognised: returns the name of the layout that a checkpoint fits, "" where it fits none.
    """
    plain = {module: _without_prefix(state) for module, state in checkpoint.items()}
    is_parallel = any(plain[module] is not state for module, state in checkpoint.items())
    if is_parallel and (name := recognised(plain)):
        return (
            f" Every name begins with {_PARALLEL!r}: it was saved from torch.nn.DataParallel. Without that prefix it "
            f"is {name}: save each module's `network.module.state_dict()`."
        )
    for module in _WRAPPERS:
        state = plain.get(module)
        if not state:
            continue
        split: dict[str, dict[str, Tensor]] = {}
        for name, tensor in state.items():
            first, _, rest = name.partition(".")
            split.setdefault(first, {})[rest] = tensor
        if layout := recognised(split):
            return (
                f" The modules of {layout} are in one state dict, their names before those of the tensors: save "
                '{"<module>": its state dict, ...} instead.'
            )
    detector = plain.get("kp_detector", {})
    if any(name.startswith("jacobian.") for name in detector):
        return " This is a checkpoint of the First Order Motion Model, which has no generator here."
    if "region_predictor" in plain:
        return " This is a checkpoint of MRAA (articulated animation), which has no generator here."
    if "" in checkpoint:
        return (
            " The file is one bare state dict, which does not say of which module: save "
            '{"<module>": its state dict, ...} instead; a network of `nvfair train` is for `nvfair evaluate`.'
        )
    return ""


def non_finite_problem(state: Mapping[str, Tensor]) -> str:
    """The tensors of a state dict that hold NaN or infinity, in words; "" where all are finite."""
    counts = {name: _count_non_finite(tensor) for name, tensor in state.items()}
    names = [f"{name} ({count} of {state[name].numel()})" for name, count in counts.items() if count]
    if not names:
        return ""
    more = f" and {len(names) - _LISTED_TENSORS} more" if len(names) > _LISTED_TENSORS else ""
    return (
        f"{len(names)} tensor{'s' * (len(names) != 1)} with NaN or infinity: {', '.join(names[:_LISTED_TENSORS])}{more}"
    )


def _count_non_finite(tensor: Tensor) -> int:
    if tensor.is_meta or not (tensor.is_floating_point() or tensor.is_complex()):
        return 0
    # A sum is forty times quicker than a look at each value, and is finite only if all values are.
    if bool(torch.isfinite(tensor.sum(dtype=torch.float32 if tensor.is_floating_point() else None))):
        return 0
    return int((~torch.isfinite(tensor)).sum())


def _without_prefix(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    if state and all(name.startswith(_PARALLEL) for name in state):
        return {name.removeprefix(_PARALLEL): tensor for name, tensor in state.items()}
    return state
