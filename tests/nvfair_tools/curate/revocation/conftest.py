"""The museum's data set, built once."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def built_museum(tmp_path_factory) -> Path:
    """A folder with recipe, sources and data set; copy it, do not change it."""
    pytest.importorskip("mediapipe")
    pytest.importorskip("cv2")
    from tests.nvfair_tools.curate.revocation.museum import build_museum

    folder = tmp_path_factory.mktemp("museum")
    build_museum(folder)
    return folder


@pytest.fixture
def museum(built_museum, tmp_path, monkeypatch) -> Path:
    """A copy of the folder, whose revocations have a key of their own."""
    import shutil

    shutil.copytree(built_museum, tmp_path / "museum")
    monkeypatch.setenv("NVFAIR_REVOCATION_KEY", str(tmp_path / "settings" / "revocation.key"))
    return tmp_path / "museum"
