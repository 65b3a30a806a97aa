"""The optimiser of a training run, and how its learning rate changes from step to step."""

from __future__ import annotations

import math

import torch
from torch import nn

from benchmark.methods.train_options import TrainOptions


def make_optimiser(network: nn.Module, options: TrainOptions) -> torch.optim.Optimizer:
    """AdamW or Adam over all parameters, so that equal runs give equal bytes.

    On a CPU one tensor at a time, on a GPU all in one operation: there each would take longer to start than to run.
    """
    kind = torch.optim.AdamW if options.optimiser == "adamw" else torch.optim.Adam
    together = next(network.parameters()).device.type == "cuda"
    return kind(
        network.parameters(),
        lr=options.learning_rate,
        weight_decay=options.weight_decay,
        foreach=False,
        fused=together,
    )


def learning_rate(step: int, options: TrainOptions) -> float:
    """The learning rate of a step: a linear warm-up, then as `options.schedule` says."""
    warm_up_steps = max(1, int(options.warm_up * options.steps))
    if step < warm_up_steps:
        return options.learning_rate * (step + 1) / warm_up_steps
    if options.schedule == "constant":
        return options.learning_rate
    if options.schedule == "drop":
        return options.learning_rate * (1.0 if step < options.steps * 2 / 3 else 0.1)
    # Half a cosine wave, from the highest rate down to a hundredth of it.
    share_done = (step - warm_up_steps) / max(1, options.steps - warm_up_steps)
    return options.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share_done)))
