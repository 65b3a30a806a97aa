"""A landmarker's files, system libraries and packs that are not there are named without loading any network."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from nvfair_tools.doctor.landmarker_files import _library_problem, check_landmarker_files
from nvfair_tools.doctor.preflight import look
from nvfair_tools.doctor.tools import check_face_network
from tests.mediapipe_here import skip_without_landmarker


def test_a_landmarker_without_its_file_or_a_system_library_is_an_error(tmp_path: Path) -> None:
    skip_without_landmarker()
    assert check_landmarker_files().level == "ok"
    assert "no such model file" in check_landmarker_files("tasks", tmp_path / "face.task").message
    (tmp_path / "face.task").write_text("not found")
    assert "no FaceLandmarker bundle" in check_landmarker_files("auto", tmp_path / "face.task").message
    with zipfile.ZipFile(tmp_path / "face.task", "w") as file:
        file.writestr("face_detector.tflite", b"")
    assert check_landmarker_files("auto", tmp_path / "face.task").level == "ok"
    assert "needs a model file" in check_landmarker_files("tasks").message
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "native.so").write_bytes(b"\x7fELF of another machine")
    assert "native.so" in _library_problem(tmp_path)


def test_a_pack_that_is_not_on_disk_is_an_error(tmp_path: Path) -> None:
    pytest.importorskip("insightface")
    (finding,) = look([lambda: check_face_network("no-such-pack")])
    assert finding.level == "error"
    assert "no-such-pack.zip" in finding.remedy
    assert "no such model" in check_face_network(tmp_path / "a.onnx").message
