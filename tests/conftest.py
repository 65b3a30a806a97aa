"""Fixtures for the whole suite."""

import os
import signal
from pathlib import Path

import pytest

try:
    from hypothesis import HealthCheck, settings
except ImportError:  # a machine with a GPU runs its few tests without the development tools
    pass
else:
    # Tests count cases, not seconds: a busy machine is no failure.
    settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("any machine")


def pytest_configure() -> None:
    """A shell that starts the suite in the background has it ignore Ctrl-C, and so would every program that a test
    starts in order to interrupt it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Later mediapipe packages need a model file, which lies with the other test material.
    if (model := _shared_folder() / "models" / "face_landmarker.task").is_file():
        os.environ.setdefault("NVFAIR_LANDMARKER", str(model))


def _shared_folder() -> Path:
    return Path(os.environ.get("NVFAIR_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests come first, so that no process is left alone with a long one at the end."""
    long_files = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long_files)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Other people's clips, portraits, weights and golden files; tests that use them skip where they are absent."""
    folder = _shared_folder()
    if not (folder / "DESIGN.md").exists():
        pytest.skip(f"test material is not on this machine ({folder} is absent; NVFAIR_SHARED may name it)")
    return folder
