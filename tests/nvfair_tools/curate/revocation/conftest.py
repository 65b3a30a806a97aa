"""A copy of the museum's data set, from which a person may be removed."""

from pathlib import Path

import pytest


@pytest.fixture
def museum(built_museum, tmp_path, monkeypatch) -> Path:
    """A copy of the folder, whose revocations have a key of their own."""
    import shutil

    shutil.copytree(built_museum, tmp_path / "museum")
    monkeypatch.setenv("NVFAIR_REVOCATION_KEY", str(tmp_path / "settings" / "revocation.key"))
    return tmp_path / "museum"
