"""A small recognition network made here, so that the real InsightFace path runs on a bare machine."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def recognition_model(tmp_path_factory) -> Path:
    """An ONNX network with ArcFace's interface (1, 3, 112, 112) -> (1, 32): pooled colours and edges, centred.

    It knows nothing of people; it tells two very different portraits apart, which is all that is asked of it here.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    kernels = np.random.default_rng(0).normal(size=(8, 3, 5, 5)).astype(np.float32)
    kernels -= kernels.mean(axis=(2, 3), keepdims=True)
    kernels[:3] = 0.0
    for colour in range(3):
        kernels[colour, colour] = 1 / 25
    nodes = [
        helper.make_node("Conv", ["data", "kernels"], ["maps"], kernel_shape=[5, 5], strides=[2, 2]),
        helper.make_node("AveragePool", ["maps"], ["pooled"], kernel_shape=[26, 26], strides=[26, 26]),
        helper.make_node("Flatten", ["pooled"], ["embedding"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "pooled",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 112, 112])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, 32])],
        [numpy_helper.from_array(kernels, "kernels")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path_factory.mktemp("pack") / "root" / "models" / "tiny" / "w_tiny.onnx"
    path.parent.mkdir(parents=True)
    onnx.save(model, str(path))
    return path
