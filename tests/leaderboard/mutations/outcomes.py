"""What is expected of a mutated submission, and the types and the zip file that all mutations share."""

from __future__ import annotations

import io
import zipfile

import numpy as np

# SAME: nothing that matters is changed, and the figures must be those of the valid submission. BAD: it must be refused.
# ANY: bytes are damaged; it may be accepted or refused, but the check must not crash.
SAME, BAD, ANY = "same", "bad", "any"
YAML = "submission.yaml"
Files = dict[str, bytes]
Rng = np.random.Generator


def zip_bytes(files: Files, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A plain zip file of `files` ({name: content})."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content, compression)
    return out.getvalue()
