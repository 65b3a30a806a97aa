"""Options of a training run from keywords: what the caller names, else what the network recommends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from benchmark.methods.loss_presets import LOSS_PRESETS
from benchmark.methods.network import network_class
from benchmark.methods.train_options import Augmentation, LossOptions, TrainOptions, default_method
from nvfair_tools.errors import NvfairError


def options_from_keywords(
    generators: Sequence[str] | str,
    *,
    method: str | None = None,
    loss: LossOptions | str | None = None,
    augmentation: Augmentation | str | None = None,
    **values: Any,
) -> TrainOptions:
    """TrainOptions with `values`; what is left out is as the network recommends, else the default of TrainOptions.

    generators: trained and selected on. method: the network; default, `default_method`. loss: a LossOptions, or its
    `kind`, for which the network's other recommendations hold, or the name of a preset (LOSS_PRESETS). augmentation: an
    Augmentation, or the name of a preset ("re-rendering"). Raises NvfairError for an unknown network or option, and as
    TrainOptions does.
    """
    method = method or default_method(values)
    recommended = dict(network_class(method, where="method").recommended)
    if isinstance(augmentation, str):
        augmentation = Augmentation.named(augmentation)
    known = {field.name for field in fields(TrainOptions)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise NvfairError(
            f"{', '.join(unknown)} is not an option of training", expected=f"some of {', '.join(sorted(known))}"
        )
    loss_fields = {field.name for field in fields(LossOptions)}
    recommended_kind = recommended.pop("loss", LossOptions.kind)
    recommended_loss = {name: recommended.pop(name) for name in list(recommended) if name in loss_fields}
    if not isinstance(loss, LossOptions):
        name = recommended_kind if loss is None else loss
        loss = LossOptions.named(name, **({} if name in LOSS_PRESETS else recommended_loss))
    names = (generators,) if isinstance(generators, str) else tuple(generators)
    if augmentation is not None:
        values["augmentation"] = augmentation
    return TrainOptions(generators=names, method=method, loss=loss, **{**recommended, **values})
