"""Choosing the best step of a training run by the protocol's metric, on validation people and on nobody else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    """Windows of the validation people, and the trials over them.

    trials: one for each validation target and generator with genuine and impostor trials. frames: points of all
    frames, made when they are first used. unused_reason: why there are no trials, where there are none.
    """

    windows: WindowSet
    trials: list[TargetTrials]
    scoring: Scoring
    frames: FramePoints | None = None
    unused_reason: str = "too few validation people"

    @classmethod
    def read(
        cls,
        dataset: Dataset,
        protocol: Protocol,
        options: TrainOptions,
        mesh: bool | Sequence[int] = False,
        points_of: Callable[[WindowSet], np.ndarray] | None = None,
    ) -> ValidationSet:
        """Reads the validation people's videos by the training generators; mesh, points_of: as in `read_windows`.

        Where drivers are no labels (`positives` is "clip"), none are read and nobody is selected on.
        """
        if options.positives == "clip":
            windows = read_windows(dataset, protocol, videos=[], mesh=mesh, points_of=points_of)
            return cls(windows, [], protocol.scoring, unused_reason="trained without labels of drivers")
        videos = dataset.usable()
        videos = videos[(videos["split"] == protocol.split.validation) & videos["generator"].isin(options.generators)]
        videos = videos.sort_values("video").reset_index(drop=True)
        # Clips are drawn before anything is read, so that only videos that are compared are read and embedded.
        rule = protocol.trials.model_copy(update={"clips_per_driver": options.validation_clips})
        compared: set[int] = set()
        for generator in options.generators:
            for target in make_trials(videos, generator, rule):
                if target.complete:
                    compared |= set(np.unique(target.genuine)) | set(np.unique(target.impostor))
        chosen = videos["video"].iloc[sorted(compared)]
        windows = read_windows(dataset, protocol, videos=chosen, mesh=mesh, points_of=points_of)
        all_clips = rule.model_copy(update={"clips_per_driver": 0})
        complete_targets = [
            target
            for generator in sorted(options.generators)
            for target in make_trials(windows.videos, generator, all_clips)
            if target.complete
        ]
        return cls(windows, complete_targets, protocol.scoring)

    @property
    def usable(self) -> bool:
        """Whether there are trials to select by."""
        return bool(self.trials)

    @property
    def metric(self) -> str:
        """The selection metric in words, for the checkpoint's record."""
        return "mean AUC over validation targets" if self.usable else f"none: {self.unused_reason}, last step taken"

    def mean_auc(self, network: Network, device: torch.device | str) -> float:
        """Mean AUC over validation targets and generators; NaN where there are no trials."""
        if not self.usable:
            return float("nan")
        if self.frames is None:
            self.frames = FramePoints(network.points_of(self.windows), device)
        embeddings = embed_windows(network, self.windows, self.frames)
        scored_targets = Scorer(group_by_video(self.windows, embeddings), self.scoring).score_all(self.trials)
        return float(np.mean([roc.auc(target.genuine, target.impostor) for target in scored_targets]))
