"""What a training run is, and what it reads before its first step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from benchmark.methods.checkpoint import Checkpoint, load_checkpoint
from benchmark.methods.declaration import Declaration
from benchmark.methods.network import Network, network_class
from benchmark.methods.train_options import TrainOptions
from benchmark.protocols.schema import Protocol
from benchmark.protocols.shipped import load as load_protocol
from benchmark.training.selection import ValidationSet
from benchmark.training.starting_point import take_weights, with_earlier_exposure
from benchmark.training.training_data import declare_exposure, videos_of_split
from benchmark.windows.grey_frames import with_grey_frames
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.rights import usable_for
from nvfair_tools.files import sha256_of


@dataclass(frozen=True)
class RunInputs:
    """What a training run has read. network: with its first weights. windows: of the training people."""

    network: Network
    windows: WindowSet
    validation: ValidationSet
    declaration: Declaration


@dataclass(frozen=True)
class TrainingRun:
    """One training run: what it trains, on what, where. earlier: the checkpoint whose weights it begins with."""

    dataset: Dataset
    options: TrainOptions
    protocol: Protocol
    name: str
    earlier: Checkpoint | None

    @classmethod
    def of(
        cls,
        data: Dataset | str | Path,
        options: TrainOptions,
        protocol: Protocol | str | Path,
        *,
        name: str,
        start: str | Path | None,
    ) -> TrainingRun:
        """Opens the data set without the videos that may not be trained on, the protocol, and the earlier checkpoint.

        Raises NvfairError where one of them is not there or not whole.
        """
        dataset = usable_for(data if isinstance(data, Dataset) else Dataset.open(data), "training")
        earlier = None if start is None else load_checkpoint(start)
        return cls(dataset, options, load_protocol(protocol), name, earlier)

    @property
    def data_record(self) -> dict[str, str]:
        """The name and the SHA-256 of the data set."""
        digest = sha256_of(self.dataset.folder / "dataset.json")
        return {"name": str(self.dataset.meta.get("name", "")), "sha256": digest}

    @property
    def digest(self) -> str:
        """What tells this run from every other."""
        start = () if self.earlier is None else (self.earlier.digest,)
        return self.options.digest(self.data_record["sha256"], self.protocol.digest, self.name, *start)

    def read(self) -> RunInputs:
        """Makes the network and reads the windows. Raises NvfairError where the splits share a person, also with those
        of `earlier`, a generator is not in the data, or `earlier` is another network."""
        dataset, protocol, options = self.dataset, self.protocol, self.options
        network = new_network(options, protocol.time.window)
        if self.earlier is not None:
            take_weights(network, self.earlier)
        mesh = network.mesh_points() if network.needs == "mesh" else False
        training_videos = videos_of_split(dataset, protocol.split.train, options.generators)
        # What the network sees is made as the tracks are read; pictures are decoded afterwards.
        points_of = None if network.needs == "frames" else network.frame_points
        windows = read_windows(dataset, protocol, videos=training_videos["video"], mesh=mesh, points_of=points_of)
        validation = ValidationSet.read(dataset, protocol, options, mesh=mesh, points_of=points_of)
        if network.needs == "frames":
            windows = with_grey_frames(windows, dataset)
            validation.windows = with_grey_frames(validation.windows, dataset)
        declaration = declare_exposure(dataset, protocol, options, windows, validation, self.data_record)
        if self.earlier is not None:
            declaration = with_earlier_exposure(declaration, self.earlier, where=dataset.folder)
        return RunInputs(network, windows, validation, declaration)


def new_network(options: TrainOptions, window: int) -> Network:
    """A network with the weights that the seed gives; the caller's random state stays as it is."""
    random_state = torch.get_rng_state()
    try:
        torch.manual_seed(options.seed)
        return network_class(options.method, where="--method").from_options(options, window)
    finally:
        torch.set_rng_state(random_state)
