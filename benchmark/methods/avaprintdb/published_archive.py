"""Reading PyTorch files that others published; `weights_only`, so nothing in them is executed."""

from __future__ import annotations

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch

from nvfair_tools.errors import NvfairError
from nvfair_tools.media.impostors import HEAD_BYTES, impostor


def read_archive(path: str | Path, expected: str) -> Any:
    """The content of a PyTorch file.

    expected: what the file should be, for the error. Raises NvfairError where it is absent, empty, damaged, another
    kind of file, or cannot be read without running code from it.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise NvfairError("no such file" if isinstance(error, FileNotFoundError) else str(error), where=path) from error
    # A PyTorch file is a zip file itself.
    what = "" if zipfile.is_zipfile(path) else impostor(head) if head else "the file is empty; download it again"
    if what:
        raise NvfairError(what, where=path, expected=expected)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch's own message advises to run the code.
        name = re.search(r"(?:GLOBAL |class )([\w.]+)", str(error))
        raise NvfairError(
            "not a PyTorch file that can be read without running code from it" + (f" ({name[1]})" if name else ""),
            where=path,
            expected=expected,
        ) from error
    except Exception as error:  # damaged bytes make the unpickler raise nearly anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise NvfairError(
            f"not a PyTorch file that can be read without running code from it: cut short or damaged ({reason})",
            where=path,
            expected=expected,
        ) from error
    return content


def read_training_state(path: str | Path, expected: str) -> dict[str, Any]:
    """The content of a training state with a `model_state_dict`; raises as `read_archive` does, and without that."""
    content = read_archive(path, expected)
    if not isinstance(content, dict) or not isinstance(content.get("model_state_dict"), dict):
        raise NvfairError("it holds no model_state_dict", where=path, expected=expected)
    return content
