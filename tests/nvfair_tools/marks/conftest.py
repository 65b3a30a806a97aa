"""A small folder of rendered videos, and credentials made for the tests."""

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from nvfair_tools.media import encode
from tests.nvfair_tools.clips import astronaut, moving_face

COMMON = {
    "synthetic": "true",
    "digital_source_type": "algorithmicMedia",
    "generator": "warp-dense",
    "target": "x:astronaut",
    "licence": "CC0-1.0",
    "permitted_use": "any",
}


def write_rendered(path: Path, number: int, **changed_tags: str) -> Path:
    """Writes a "rendered" video: the same face, moved otherwise by each number; motion alone tells them apart."""
    frames = moving_face(astronaut(), 60, size=96)
    order = np.random.default_rng(number).integers(0, 60, 24)
    tags = COMMON | {"driver": f"x:driver{number}", "clip": f"c{number}", "video": f"v{number}"} | changed_tags
    encode(path, [frames[place] for place in order], Fraction(25), metadata=tags)
    return path


@pytest.fixture(scope="session")
def rendered_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rendered") / "videos"
    for number in range(3):
        write_rendered(folder / "warp" / f"{number}.mp4", number)
    original = {"synthetic": "false", "identity": "x:astronaut", "clip": "c9", "licence": "CC0-1.0"}
    original["permitted_use"] = "any"
    frames = moving_face(astronaut(), 24, size=96)
    encode(folder / "originals" / "0.mp4", frames, Fraction(25), metadata=original)
    return folder


@pytest.fixture
def rendered(rendered_once, tmp_path):
    """A copy of the folder that a test may change: three renderings and an original."""
    folder = tmp_path / "videos"
    for path in sorted(rendered_once.rglob("*.mp4")):
        copy = folder / path.relative_to(rendered_once)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    return folder


@pytest.fixture(scope="session")
def own_credentials(tmp_path_factory):
    """(certificate, key) of a lab that vouches for itself."""
    pytest.importorskip("cryptography", reason="the extra `marks` is not installed")
    from nvfair_tools.marks.credentials import write_own_certificate

    os.environ.pop("NVFAIR_KEY_PASSPHRASE", None)
    return write_own_certificate(tmp_path_factory.mktemp("keys"), "A Lab")


@pytest.fixture(scope="session")
def signer(own_credentials):
    pytest.importorskip("c2pa", reason="the extra `marks` is not installed")
    from nvfair_tools.marks.credentials import read_credentials
    from nvfair_tools.marks.manifest import VideoSigner

    return VideoSigner(read_credentials(*own_credentials))
