"""Loads InsightFace's models from disk only.

InsightFace downloads a pack that it does not find, so it gets paths of existing files and never the name of a pack.
A model pack is a folder `root/models/<pack>/` of .onnx files. The published packs are for non-commercial research.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any, Literal

from nvfair_tools.errors import MissingExtra, NvfairError

DEFAULT_ROOT = Path("~/.insightface")
DEFAULT_PACK = "buffalo_l"

Task = Literal["detection", "recognition"]


def pack_folder(pack: str = DEFAULT_PACK, root: str | Path = DEFAULT_ROOT) -> Path:
    """The folder of a model pack; raises NvfairError, with the path to put it at, where it is not on disk."""
    folder = Path(root).expanduser() / "models" / pack
    if not any(folder.glob("*.onnx")):
        raise NvfairError(
            f"InsightFace's model pack {pack!r} is not on this machine (nothing is downloaded)",
            where=folder,
            expected="a folder with the pack's .onnx files",
            remedy=f"unpack {pack}.zip of InsightFace's model zoo into {folder}, having read its licence",
        )
    return folder


def load_model(source: str | Path, task: Task) -> Any | None:
    """Loads InsightFace's model for `task` from an .onnx file or a pack's folder; it runs on one CPU thread.

    Returns None where a folder has no model for the task. Raises NvfairError where the source is absent, a file is not
    a model, or a single file is for another task; MissingExtra without insightface.
    """
    try:
        from insightface import model_zoo
        from onnxruntime import SessionOptions
    except ImportError as error:
        raise MissingExtra("insightface", "curate", str(error)) from error
    source = Path(source).expanduser()
    files = sorted(source.glob("*.onnx")) if source.is_dir() else [source]
    for file in files:
        if not file.is_file():
            raise NvfairError("no such model file", where=file, expected="an .onnx file, or a folder of them")
        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            # InsightFace prints the name of each model that it loads.
            with contextlib.redirect_stdout(io.StringIO()):
                model = model_zoo.get_model(str(file), providers=["CPUExecutionProvider"], sess_options=options)
        except Exception as error:  # onnxruntime has a separate type for each kind of damage
            raise NvfairError(f"not a readable ONNX model: {error}", where=file, remedy="copy it again") from error
        if getattr(model, "taskname", None) == task:
            return model
    if source.is_dir():
        return None
    raise NvfairError(f"this model is not for {task}", where=source, expected=f"an InsightFace {task} model")
