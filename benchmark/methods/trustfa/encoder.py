"""TrustFA's encoder of a single grey picture, written from a description of its layers.

Legend: N pictures, S height and width of a map (16), P positions of a map (S S), K neighbours (4), C channels (128).

    four convolutions         (N, 1, 128, 128) -> (N, 128, 16, 16)
    circular correlations     along rows and columns, over the whole map, in two halves of 64 channels
    graph                     each position takes the channelwise maximum over its 4 most similar ones
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

PICTURE_SIZE = 128
CHANNELS = 128
_HALF = CHANNELS // 2
_NEIGHBOURS = 4
_SPREAD = 0.02  # of the first values of kernels and tables
_STORED_TAPS = 32  # kernels and position tables are stored this long, and cut to the size of the map


class ConvStack(nn.Module):
    """Four strided convolutions, each with BatchNorm and ReLU: (N, 1, 128, 128) to (N, 128, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        convolutions = (
            nn.Conv2d(1, 8, 4, stride=2),
            nn.Conv2d(8, 32, 3, stride=2),
            nn.Conv2d(32, 64, 2, stride=2, padding=1),
            nn.Conv2d(64, CHANNELS, 1),
        )
        layers: list[nn.Module] = []
        for convolution in convolutions:
            layers += [convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU()]
        self.net = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> Tensor:
        """Maps (N, 128, 16, 16) of pictures (N, 1, 128, 128)."""
        return self.net(pictures)


class FullLengthCorrelation(nn.Module):
    """Correlations as long as the map, circular, along one axis and then the other; half the channels each way round.

    The first half goes along the height and then the width, the second along the width and then the height; a table of
    positions is added before each. The result is added to its input. There is no activation.
    """

    def __init__(self) -> None:
        super().__init__()
        # Kernels, tables of positions and biases; how the published ones start is not known.
        self.mk_1_H = nn.Parameter(torch.randn(_HALF, 1, _STORED_TAPS, 1) * _SPREAD)
        self.mk_1_W = nn.Parameter(torch.randn(_HALF, 1, 1, _STORED_TAPS) * _SPREAD)
        self.mk_2_H = nn.Parameter(torch.randn(_HALF, 1, _STORED_TAPS, 1) * _SPREAD)
        self.mk_2_W = nn.Parameter(torch.randn(_HALF, 1, 1, _STORED_TAPS) * _SPREAD)
        self.pe_1H = nn.Parameter(torch.randn(1, _HALF, _STORED_TAPS, 1) * _SPREAD)
        self.pe_1W = nn.Parameter(torch.randn(1, _HALF, 1, _STORED_TAPS) * _SPREAD)
        self.pe_2H = nn.Parameter(torch.randn(1, _HALF, _STORED_TAPS, 1) * _SPREAD)
        self.pe_2W = nn.Parameter(torch.randn(1, _HALF, 1, _STORED_TAPS) * _SPREAD)
        self.b1H = nn.Parameter(torch.zeros(_HALF))
        self.b1W = nn.Parameter(torch.zeros(_HALF))
        self.b2H = nn.Parameter(torch.zeros(_HALF))
        self.b2W = nn.Parameter(torch.zeros(_HALF))
        self.pre_norm_1 = nn.BatchNorm2d(_HALF)
        self.pre_norm_2 = nn.BatchNorm2d(_HALF)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, 128, S, S) of maps (N, 128, S, S); S at most 32."""
        first, second = maps.split(_HALF, dim=1)
        # The number in a name is that of the turn: 1 comes first, whichever half it is.
        a = self._along_height(self.pre_norm_1(self._at_height(first, self.pe_1H)), self.mk_1_H, self.b1H)
        a = self._along_width(self._at_width(a, self.pe_2W), self.mk_2_W, self.b2W)
        b = self._along_width(self.pre_norm_2(self._at_width(second, self.pe_1W)), self.mk_1_W, self.b1W)
        b = self._along_height(self._at_height(b, self.pe_2H), self.mk_2_H, self.b2H)
        return torch.cat([first + a, second + b], dim=1)

    @staticmethod
    def _at_height(maps: Tensor, table: Tensor) -> Tensor:
        return maps + table[:, :, : maps.shape[2]]

    @staticmethod
    def _at_width(maps: Tensor, table: Tensor) -> Tensor:
        return maps + table[:, :, :, : maps.shape[3]]

    @staticmethod
    def _along_height(maps: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
        size = maps.shape[2]
        continued = torch.cat([maps, maps[:, :, : size - 1]], dim=2)  # below, by its own first rows
        return functional.conv2d(continued, kernel[:, :, :size], bias, groups=maps.shape[1])

    @staticmethod
    def _along_width(maps: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
        size = maps.shape[3]
        continued = torch.cat([maps, maps[:, :, :, : size - 1]], dim=3)
        return functional.conv2d(continued, kernel[:, :, :, :size], bias, groups=maps.shape[1])


class NeighbourMaximum(nn.Module):
    """A graph over the positions of a map: how far the most similar positions exceed each, with a ReLU.

    `edge_fc` is part of the published weights, but no value passes through it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.edge_fc = nn.Sequential(nn.Linear(CHANNELS, CHANNELS))

    def forward(self, maps: Tensor) -> Tensor:
        """e (N, 128, S, S) of maps (N, 128, S, S): ReLU(x_i + max over its 4 most similar j of (x_j - x_i))."""
        nodes = maps.flatten(2).transpose(1, 2)  # (N, S S, 128)
        chosen = self.neighbours(maps)  # (N, S S, K)
        choose = chosen_by_index if nodes.device.type == "cpu" else chosen_by_product
        excess = (choose(nodes, chosen) - nodes[:, :, None]).amax(dim=2)
        return functional.relu(nodes + excess).transpose(1, 2).reshape(maps.shape)

    @staticmethod
    def neighbours(maps: Tensor) -> Tensor:
        """Numbers (N, S S, 4) of the positions of highest cosine similarity, the position itself among them."""
        with torch.autocast(maps.device.type, enabled=False):  # near-ties would be decided by rounding
            unit = functional.normalize(maps.detach().float().flatten(2), dim=1)
            similarity = torch.einsum("ncp,ncq->npq", unit, unit)
        return similarity.topk(_NEIGHBOURS, dim=2).indices


def chosen_by_index(nodes: Tensor, chosen: Tensor) -> Tensor:
    """Vectors (N, P, K, C) of the positions `chosen` (N, P, K) of `nodes` (N, P, C)."""
    picture = torch.arange(len(nodes), device=nodes.device)[:, None, None]
    return nodes[picture, chosen]


def chosen_by_product(nodes: Tensor, chosen: Tensor) -> Tensor:
    """The same values as a product with zeros and ones, whose gradient is one as well.

    The gradient of an index adds up whatever comes to it; on a GPU in deterministic mode it sorts all indices for that.
    """
    positions = torch.arange(nodes.shape[1], device=nodes.device)
    choice = (chosen.flatten(1)[..., None] == positions).to(nodes.dtype)  # (N, P K, P)
    with torch.autocast(nodes.device.type, enabled=False):
        return (choice @ nodes).unflatten(1, chosen.shape[1:])
