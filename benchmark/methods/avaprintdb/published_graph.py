"""Reading AVAPrintDB's published graph networks into ours; a file must hold exactly the tensors that are expected.

The files are PyTorch archives of the authors' training state (`model_state_dict` beside optimiser and losses). They are
read with `weights_only`, so nothing in them is executed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmark.methods.avaprintdb.graph_network import POINTS, GraphNetwork, GraphShape
from benchmark.methods.avaprintdb.published_archive import read_training_state
from benchmark.methods.checkpoint import Checkpoint
from benchmark.methods.declaration import Declaration
from nvfair_tools.errors import Problems
from nvfair_tools.files import sha256_of

_EXPECTED = "one of AVAPrintDB's checkpoint_graph_trained_*.pt"
# Name of a tensor in a published file -> its name in our network.
_TENSOR_NAMES = {
    "base_edge_index": "edges",
    "gcn1.lin.weight": "projections.0.weight",
    "gcn1.bias": "biases.0",
    "gcn2.lin.weight": "projections.1.weight",
    "gcn2.bias": "biases.1",
    "gcn3.lin.weight": "projections.2.weight",
    "gcn3.bias": "biases.2",
    "temporal_pool.query": "query",
}


def import_published(path: str | Path, declaration: Declaration, name: str | None = None) -> Checkpoint:
    """A checkpoint of a published file, with the file's hash in its options. Raises as `read_published` does.

    declaration: what its authors say of its training. name: of the method in reports (default: the name of the file).
    """
    path = Path(path)
    network, training = read_published(path)
    return Checkpoint(
        name=name or path.stem,
        network=network,
        declaration=declaration,
        protocol=None,
        feature=network.describe_input(),
        selection={"metric": "its authors' choice", "step": None, "steps_run": None, "validation_auc": None},
        options={"imported_from": path.name, "imported_sha256": sha256_of(path), **training},
    )


def read_published(path: str | Path) -> tuple[GraphNetwork, dict[str, Any]]:
    """The network of a published file, and what the file says of its training (epoch, rate, weight decay, loss).

    Raises NvfairError where it is not such a file, and Problems that list every tensor that is missing, not expected,
    of another shape or type, or not finite.
    """
    content = read_training_state(path, _EXPECTED)
    weights = content["model_state_dict"]
    problems = _tensor_problems(weights)
    if problems:
        raise Problems(path, problems, remedy="name one of AVAPrintDB's checkpoint_graph_trained_*.pt")
    shape = GraphShape(
        hidden=weights["gcn1.bias"].shape[0],
        embedding=weights["gcn3.bias"].shape[0],
        edges=weights["base_edge_index"].shape[1],
    )
    network = GraphNetwork(shape)
    network.load_state_dict({ours: weights[theirs] for theirs, ours in _TENSOR_NAMES.items()})
    return network.eval(), _training_values(content)


def _tensor_problems(weights: dict[str, Any]) -> list[str]:
    """What is wrong with the tensors of a published file, in words."""
    problems = [f"{name} is missing" for name in _TENSOR_NAMES if name not in weights]
    problems += [f"{name} is not expected" for name in weights if name not in _TENSOR_NAMES]
    problems += [f"{name} is no tensor" for name in weights if not isinstance(weights[name], Tensor)]
    if problems:
        return problems
    hidden, embedding = (len(weights[f"gcn{layer}.bias"].reshape(-1)) for layer in (1, 3))
    edges = weights["base_edge_index"]
    expected = {
        "gcn1.lin.weight": (hidden, 3),
        "gcn1.bias": (hidden,),
        "gcn2.lin.weight": (hidden, hidden),
        "gcn2.bias": (hidden,),
        "gcn3.lin.weight": (embedding, hidden),
        "gcn3.bias": (embedding,),
        "temporal_pool.query": (embedding,),
    }
    for name, shape in expected.items():
        tensor = weights[name]
        if tuple(tensor.shape) != shape or tensor.dtype != torch.float32:
            problems.append(f"{name} is {tensor.dtype} {tuple(tensor.shape)}, expected float32 {shape}")
        elif not torch.isfinite(tensor).all():
            problems.append(f"{name} holds numbers that are not finite")
    if edges.dtype != torch.int64 or edges.ndim != 2 or edges.shape[0] != 2 or edges.shape[1] == 0:
        problems.append(f"base_edge_index is {edges.dtype} {tuple(edges.shape)}, expected int64 (2, E)")
    elif int(edges.min()) < 0 or int(edges.max()) >= POINTS:
        problems.append(f"base_edge_index names points outside 0..{POINTS - 1}")
    return problems


def _training_values(content: dict[str, Any]) -> dict[str, Any]:
    """Numbers of its training that the file holds; infinite ones as text, as JSON has no infinity."""
    state = content.get("optimizer_state_dict")
    groups = state.get("param_groups", []) if isinstance(state, dict) else []
    group = groups[0] if groups and isinstance(groups[0], dict) else {}
    values = {"epoch": content.get("epoch"), "train_loss": content.get("train_loss")}
    values |= {name: group.get(name) for name in ("initial_lr", "lr", "weight_decay")}
    return {
        f"published_{name}": value if abs(value) < float("inf") else str(value)
        for name, value in values.items()
        if isinstance(value, (int, float))
    }
