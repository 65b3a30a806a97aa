"""Built data sets that the tests of several folders share."""

from pathlib import Path

import pytest

from tests.mediapipe_here import skip_without_landmarker


@pytest.fixture(scope="session")
def built_museum(tmp_path_factory) -> Path:
    """A folder with recipe, sources and data set; copy it, do not change it."""
    skip_without_landmarker()
    pytest.importorskip("cv2")
    from tests.nvfair_tools.curate.revocation.museum import build_museum

    folder = tmp_path_factory.mktemp("museum")
    build_museum(folder)
    return folder
