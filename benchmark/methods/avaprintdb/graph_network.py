"""The landmark graph network of AVAPrintDB (arXiv 2603.26934): spatial graph convolutions, then attention over time.

Legend: B windows, T frames a window, N points (109), C coordinates (3), E directed edges, H width, D embedding size.

    three graph convolutions C -> H -> H -> D over the points of each frame, ReLU after the first two; in training,
    dropout after each of the three
    mean over the points                       (B, T, D)
    softmax over frames of <frame, query>      one learned query (D,)
    weighted sum over frames, unit length      (B, D, 1): one embedding for the whole window

A graph convolution (Kipf and Welling 2017) is A X W + b, with A = S (G + I) S for the adjacency G of the edges and
S the inverse square root of each point's degree in G + I. All frames share one graph, so A is one matrix (N, N).

The published checkpoints bring their edges with them. A network that is trained here takes a Delaunay triangulation of
the simulator's neutral face seen from the front; the authors' file holds one of another face: 286 of the 306 edges are
the same.

There are two ways to train it. `benchmark.training.avaprintdb.graph_recipe` trains as its authors did (their README and
their six published files agree on it; the defaults of their script differ from both). Our own loop takes `recommended`:
their optimiser, rate, decay, margin and negatives, with our batches, budget of windows and selection on validation
people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.methods.network import Network
from benchmark.windows.window_set import WindowSet
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.avaprintdb import AVAPRINTDB_109, normalise_avaprintdb_points

POINTS = len(AVAPRINTDB_109)


@dataclass(frozen=True)
class GraphShape:
    """Sizes of the graph network: width H, embedding D, and number of edges E, which are part of the weights.

    dropout: share of the values after each graph convolution that training leaves out.
    """

    hidden: int = 64
    embedding: int = 256
    edges: int = 0  # 0: those of `face_edges`
    dropout: float = 0.3

    def __post_init__(self) -> None:
        if not 0 <= self.dropout < 1:
            raise NvfairError(f"dropout of the graph network is {self.dropout}", expected="at least 0 and below 1")


class GraphNetwork(Network):
    """The graph network: 109 points of the mesh in 3-D become one embedding a window."""

    method = "graph-network"
    shape_type = GraphShape
    needs = "mesh"
    recommended: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "loss": "triplet",
            "margin": 0.1,
            "negatives": "any",
            "optimiser": "adam",
            "schedule": "drop",
            "learning_rate": 0.01,
            "weight_decay": 1e-5,
            "warm_up": 0.0,
            "batch": 128,  # ours: windows of one batch are compared with each other, not triplets drawn apart
        }
    )
    shape: GraphShape
    edges: Tensor

    def __init__(self, shape: GraphShape) -> None:
        edges = face_edges() if shape.edges == 0 else torch.zeros((2, shape.edges), dtype=torch.int64)
        super().__init__(replace(shape, edges=edges.shape[1]))
        self.register_buffer("edges", edges)
        widths = (3, shape.hidden, shape.hidden, shape.embedding)
        # Weights act before the graph, which is linear too; so a layer is a projection without bias, and a bias.
        self.projections = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in pairwise(widths))
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(width)) for width in widths[1:])
        self.query = nn.Parameter(torch.randn(shape.embedding))
        for weight in self.projections.parameters():
            nn.init.xavier_uniform_(weight)

    def describe_input(self) -> dict[str, Any]:
        """The name of the points, and what their coordinates are divided by."""
        return {"input": AVAPRINTDB_109.name, "scale": "inner eye corners, in 3-D"}

    def mesh_points(self) -> tuple[int, ...]:
        """Mesh indices of AVAPrintDB's 109 points."""
        return tuple(int(point) for point in AVAPRINTDB_109.indices)

    def mirror_indices(self) -> tuple[int, ...]:
        """Index of each point's mirror image among the 109 points."""
        return tuple(int(n) for n in AVAPRINTDB_109.mirror)

    def frame_points(self, windows: WindowSet) -> np.ndarray:
        """Points float32 (F, 109, 3), centred on the nose and scaled as the published networks expect them.

        Raises NvfairError where the size of a video is not known.
        """
        sizes = windows.sizes
        if not np.isfinite(sizes).all():
            video = windows.videos.iloc[int(np.flatnonzero(~np.isfinite(sizes).all(axis=1))[0])]
            raise NvfairError(
                "the width and height of a video are not known, which this network's input is divided by",
                where=f"video {video.get('video', '')}",
            )
        frame_sizes = np.repeat(sizes, np.diff(windows.offsets), axis=0)
        return normalise_avaprintdb_points(windows.mesh_at(self.mesh_points()), frame_sizes)

    def forward(self, points: Tensor, order: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Embeddings (B, D, 1) of windows (B, T, N, 3); reordered frames have the same, as order does not matter."""
        graph = self.graph()
        hidden, weights = points, list(self.projections.parameters())
        for weight, bias in zip(weights[:2], self.biases[:2], strict=True):
            # A (X W) = (A X) W, where points have few coordinates yet; in place, as each of these is 130 MB a batch.
            hidden = functional.linear(graph @ hidden, weight).add_(bias).relu_()
            hidden = functional.dropout(hidden, self.shape.dropout, self.training)
        if self.training and self.shape.dropout:
            # Dropout comes before the mean over points, so that each point is left out by itself.
            last = functional.linear(graph @ hidden, weights[2], self.biases[2])
            frames = functional.dropout(last, self.shape.dropout, training=True).float().mean(dim=2)  # (B, T, D)
        else:
            # The last convolution and the mean are both linear: the mean first is a hundredth of the work.
            mean = torch.einsum("n,btnh->bth", graph.mean(dim=0), hidden.float())
            frames = functional.linear(mean, weights[2], self.biases[2]).float()  # (B, T, D)
        attention = (frames @ self.query).softmax(dim=1)
        pooled = functional.normalize((attention[..., None] * frames).sum(dim=1), dim=1)[..., None]
        return pooled, None if order is None else pooled

    @property
    def uses_order(self) -> bool:
        """Always False: frames are weighted and summed, whatever their order."""
        return False

    def graph(self) -> Tensor:
        """The matrix A, float32 (N, N): the weight with which each point enters each other point."""
        points = torch.arange(POINTS, device=self.edges.device)
        source, target = (self.edges[:, :, None] == points).float()  # (E, N) each: a one at each edge's point
        # A product, not values put at indices: checking those has the host wait for a GPU in deterministic mode.
        adjacency = (torch.eye(POINTS, device=points.device) + target.T @ source).clamp_max(1)
        scale = adjacency.sum(dim=1).rsqrt()
        return scale[:, None] * adjacency * scale[None, :]


def face_edges() -> Tensor:
    """Edges (2, E), sorted, in both directions, of the Delaunay triangulation of the simulator's neutral face."""
    from scipy.spatial import Delaunay

    from nvfair_tools.simulate.base_mesh import base_mesh

    triangles = Delaunay(base_mesh()[AVAPRINTDB_109.indices, :2]).simplices
    edges = [triangles[:, [first, second]] for first in range(3) for second in range(3) if first != second]
    return torch.from_numpy(np.unique(np.concatenate(edges), axis=0).T.astype(np.int64).copy())
