"""AVAPrintDB's systems: a network with the files of the release that it reads, and the embeddings of these files.

Legend: N videos, T frames of a video, W windows, D embedding size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from benchmark.methods.avaprintdb.attention_network import AttentionNetwork
from benchmark.methods.avaprintdb.list_protocols import list_protocol_of
from benchmark.methods.avaprintdb.published_attention import FeatureFiles
from benchmark.methods.checkpoint import Checkpoint
from benchmark.methods.network import whole_float32
from benchmark.protocols.schema import Protocol, Time
from benchmark.protocols.shipped import load as load_protocol
from benchmark.trial_scores.scores import Scorer, VideoEmbeddings
from benchmark.trials.published_cells import training_by_file_name
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.avaprintdb_files import LandmarkFiles, SampleFiles

_WINDOWS_AT_ONCE = 64
_FILES_A_REPORT = 100

Report = Callable[[int, int, str], None]  # files read, files in all, a line of text


@dataclass(frozen=True)
class EmbeddedFiles:
    """Embeddings of the videos that have a file with enough frames, in the order of their stems.

    absent: stems without a file. dropped_frames: frames that were not finite.
    """

    embeddings: VideoEmbeddings
    absent: frozenset[str]
    dropped_frames: int

    @property
    def stems(self) -> list[str]:
        """The stems of the embedded videos (N,)."""
        return [str(stem) for stem in self.embeddings.video_ids]

    def among(self, stems: Sequence[str]) -> VideoEmbeddings:
        """The embeddings of these videos, each of which has some, in this order."""
        row = {stem: number for number, stem in enumerate(self.stems)}
        spans = [range(*self.embeddings.offsets[[row[stem], row[stem] + 1]].tolist()) for stem in stems]
        rows = np.array([number for span in spans for number in span], dtype=np.int64)
        offsets = np.concatenate([[0], np.cumsum([len(span) for span in spans])]).astype(np.int64)
        return VideoEmbeddings(np.array(stems), offsets, self.embeddings.window_embeddings[rows])


@dataclass(frozen=True)
class System:
    """A network, the files that it reads, and the protocol whose windows and scores it is used with."""

    checkpoint: Checkpoint
    files: SampleFiles
    protocol: Protocol

    @classmethod
    def of(cls, files: SampleFiles, checkpoint: Checkpoint, protocol: Protocol | str | Path | None = None) -> System:
        """A system; protocol: default, the authors' windows and scores for this network.

        Raises NvfairError where the network does not read these files, or was trained for other windows.
        """
        made = list_protocol(checkpoint) if protocol is None else load_protocol(protocol)
        _check_method(files, checkpoint, made)
        return cls(checkpoint, files, made)

    @property
    def kind(self) -> str:
        """The system's name in the published tables: "graph", "clip" or "dino"."""
        network = self.checkpoint.network
        return network.feature_name if isinstance(network, AttentionNetwork) else "graph"

    @cached_property
    def trained_on(self) -> tuple[str, str] | None:
        """Collection and generator (its label) of the training; None where there is not one of each, or none known.

        They are what the checkpoint declares; of a published file, which declares nothing, what its own name says.
        """
        training = self.checkpoint.declaration.training
        collections = {person.partition(":")[0] for person in training.people or ()}
        generators = training.generators or frozenset()
        if len(collections) == 1 and len(generators) == 1:
            return next(iter(collections)), next(iter(generators))
        return training_by_file_name(str(self.checkpoint.options.get("imported_from", "")))

    def check_people(self, people: Iterable[str], where: str) -> None:
        """Raises NvfairError where the checkpoint declares to have seen one of these people, who are in a test."""
        if shared := self.checkpoint.declaration.shared_people(people):
            listing = "; ".join(f"{role}: {', '.join(names)}" for role, names in shared.items())
            raise NvfairError(f"{self.checkpoint.name} has seen people of the list ({listing})", where=where)

    def embed(self, stems: Iterable[str], report: Report | None = None) -> EmbeddedFiles:
        """Embeddings of those of the videos that have a file with a window or more of frames."""
        sorted_stems = sorted(stems)
        absent, dropped = [stem for stem in sorted_stems if stem not in self.files], 0

        def sequences() -> Iterable[tuple[str, np.ndarray]]:
            nonlocal dropped
            for number, stem in enumerate(sorted_stems):
                if report and number % _FILES_A_REPORT == 0:
                    report(number, len(sorted_stems), f"{self.checkpoint.name} reads {self.files.suffix} files")
                if stem in self.files:
                    sequence = self.files.read(stem)
                    dropped += sequence.dropped
                    if len(sequence.points) >= self.protocol.time.window:
                        yield stem, sequence.points

        embeddings = embed_sequences(self.checkpoint, sequences(), self.protocol.time)
        return EmbeddedFiles(embeddings, frozenset(absent), dropped)

    def scorer(self, embeddings: VideoEmbeddings) -> Scorer:
        """Scores trials of videos with these embeddings as the protocol says."""
        return Scorer(embeddings, self.protocol.scoring)


def list_protocol(checkpoint: Checkpoint) -> Protocol:
    """The authors' windows and scores for a checkpoint's network; NvfairError for a network of another kind."""
    try:
        return list_protocol_of(checkpoint.network.method)
    except KeyError:
        raise NvfairError(
            f"{checkpoint.name} is a {checkpoint.network.method}, which reads none of the release's files",
            expected="a graph-network or an attention-network",
        ) from None


def _check_method(files: SampleFiles, checkpoint: Checkpoint, protocol: Protocol) -> None:
    """Raises NvfairError where a method cannot read the files, or not in the protocol's windows."""
    network = checkpoint.network
    if isinstance(network, AttentionNetwork):
        if not isinstance(files, FeatureFiles) or files.size != network.shape.features:
            raise NvfairError(f"{checkpoint.name} reads {network.feature_name} features", where=files.root)
    elif network.method != "graph-network" or not isinstance(files, LandmarkFiles):
        raise NvfairError(
            f"{checkpoint.name} is a {network.method}, and {files.root} holds {files.suffix} files",
            expected="a graph-network and .npy files of its 109 points",
        )
    if checkpoint.time is not None and checkpoint.time.window != protocol.time.window:
        raise NvfairError(
            f"{checkpoint.name} was trained on windows of {checkpoint.time.window} frames",
            expected=f"{protocol.time.window}, as in the protocol {protocol.name}",
        )


def embed_sequences(checkpoint: Checkpoint, sequences: Iterable[tuple[str, np.ndarray]], time: Time) -> VideoEmbeddings:
    """Window embeddings of videos: starts 0, stride, ... as far as a window fits.

    sequences: stem and frames (T, ...) of each video, a window or more; only some are in memory at once.
    """
    network = checkpoint.network.to(checkpoint.device).eval()
    stems: list[str] = []
    counts: list[int] = []
    waiting: list[np.ndarray] = []
    parts: list[torch.Tensor] = []

    def embed_waiting() -> None:
        if waiting:
            windows = torch.from_numpy(np.stack(waiting)).to(checkpoint.device)
            parts.append(network.pool(network(windows)[0]).cpu())
            waiting.clear()

    try:
        with torch.inference_mode(), whole_float32():
            for stem, frames in sequences:
                starts = range(0, len(frames) - time.window + 1, time.stride)
                stems.append(stem)
                counts.append(len(starts))
                for begin in starts:
                    waiting.append(frames[begin : begin + time.window])
                    if len(waiting) == _WINDOWS_AT_ONCE:
                        embed_waiting()
            embed_waiting()
    finally:
        network.to("cpu")
    rows = torch.cat(parts).numpy() if parts else np.empty((0, network.embedding_size), np.float32)
    return VideoEmbeddings(np.array(stems, dtype=str), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), rows)
