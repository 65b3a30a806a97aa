"""Choosing a checkpoint by the protocol's metric on validation people, and on nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from benchmark.methods.embed import group_by_video
from benchmark.methods.network import Network, embed_windows
from benchmark.methods.train_options import TrainOptions
from benchmark.metrics import roc
from benchmark.protocols.schema import Protocol, Scoring
from benchmark.trial_scores.scores import Scorer
from benchmark.trials.trials import TargetTrials, make_trials
from benchmark.windows.device_frames import FramePoints
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.dataset import Dataset


@dataclass
class ValidationSet:
    """Validation windows and trials. `usable`: whether any target has genuine and impostor trials."""

    windows: WindowSet
    trials: list[TargetTrials]
    scoring: Scoring
    frames: FramePoints | None = None

    @classmethod
    def read(
        cls, dataset: Dataset, protocol: Protocol, options: TrainOptions, mesh: bool | Sequence[int] = False
    ) -> ValidationSet:
        """Reads the validation people's videos by the training generators; mesh: see `read_windows`."""
        videos = dataset.usable()
        chosen = videos[(videos["split"] == protocol.split.validation) & videos["generator"].isin(options.generators)]
        rule = protocol.trials.model_copy(update={"clips_per_driver": options.validation_clips})
        # Drawn before anything is read, so that what is not compared is not embedded either.
        drawn = chosen.sort_values("video").reset_index(drop=True)
        used: set[int] = set()
        for generator in options.generators:
            for one in make_trials(drawn, generator, rule):
                if one.complete:
                    used |= set(np.unique(one.genuine)) | set(np.unique(one.impostor))
        windows = read_windows(dataset, protocol, videos=drawn["video"].iloc[sorted(used)], mesh=mesh)
        everything = rule.model_copy(update={"clips_per_driver": 0})
        found = [
            one
            for generator in sorted(options.generators)
            for one in make_trials(windows.videos, generator, everything)
            if one.complete
        ]
        return cls(windows, found, protocol.scoring)

    @property
    def usable(self) -> bool:
        """Whether there is anything to select by."""
        return bool(self.trials)

    @property
    def metric(self) -> str:
        """What selects, in words."""
        return "mean AUC over validation targets" if self.usable else "none: too few validation people, last step taken"

    def value(self, network: Network, device: torch.device | str) -> float:
        """Mean AUC over validation targets (and generators); NaN where there are no trials."""
        if not self.usable:
            return float("nan")
        if self.frames is None:
            self.frames = FramePoints(network.points(self.windows), device)
        embeddings = embed_windows(network, self.windows, self.frames)
        scored = Scorer(group_by_video(self.windows, embeddings), self.scoring).score_all(self.trials)
        return float(np.mean([roc.auc(one.genuine, one.impostor) for one in scored]))
