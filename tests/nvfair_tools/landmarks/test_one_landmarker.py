"""Two landmarkers put their points differently, so one data set has one; the newer one's model is a file on disk."""

import subprocess
import sys
from pathlib import Path

import pytest

from nvfair_tools.curate.session import keep_landmarker
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks import landmarker as choice
from nvfair_tools.landmarks.landmarker import chosen_landmarker, create_landmarker
from nvfair_tools.landmarks.model_file import MODEL_ADDRESS, MODEL_SHA256, default_model_file
from nvfair_tools.landmarks.sources_of_points import source_of_points, sources_of_points
from nvfair_tools.pipeline.workspace import Workspace
from nvfair_tools.recipe.recipe import Recipe
from tests.mediapipe_here import skip_without_landmarker


@pytest.mark.parametrize(
    ("landmarker", "source"),
    [
        ("mediapipe-facemesh 0.10.21", "mediapipe-facemesh 0.10.21"),
        ("mediapipe-facemesh+scrfd 0.10.21+5838f7fe053e", "mediapipe-facemesh 0.10.21"),
        ("mediapipe-tasks 1.2.3+64184e229b26", "mediapipe-tasks 64184e229b26"),
        ("mediapipe-tasks 0.10.21+64184e229b26", "mediapipe-tasks 64184e229b26"),
        ("mediapipe-tasks+scrfd 1.2.3+64184e229b26+5838f7fe053e", "mediapipe-tasks 64184e229b26"),
        ("mediapipe-tasks 1.2.3+0123456789ab", "mediapipe-tasks 0123456789ab"),
        ("somebody's own", "somebody's own"),
        ("", ""),
    ],
)
def test_a_detector_in_front_does_not_move_points_and_another_model_does(landmarker: str, source: str) -> None:
    assert source_of_points(landmarker) == source


def test_sources_are_counted_once() -> None:
    assert sources_of_points(["mediapipe-facemesh 0.10.21", "mediapipe-facemesh+scrfd 0.10.21+ab"]) == {
        "mediapipe-facemesh 0.10.21"
    }


def recipe(folder: Path, **landmarks: str) -> Recipe:
    content = {"name": "one", "output": str(folder / "out"), "sources": [{"csv": "clips.csv"}]}
    content |= {"rights": {"render_if": ["research"]}, "generators": [{"name": "warp-dense"}], "landmarks": landmarks}
    return Recipe.model_validate(content)


def begun(folder: Path, *, by: str, finished: bool = False) -> Workspace:
    workspace = Workspace(folder / "out")
    workspace.folder.mkdir(parents=True)
    if finished:
        (folder / "out" / "dataset.json").write_text(f'{{"landmarks": {{"landmarkers": ["{by}"]}}}}')
    else:
        workspace.landmarker_path.write_text(source_of_points(by) + "\n")
    return workspace


@pytest.mark.parametrize("finished", [False, True])
def test_a_build_goes_on_with_the_landmarker_that_began_it(tmp_path: Path, finished: bool) -> None:
    skip_without_landmarker()
    workspace = begun(tmp_path, by="mediapipe-tasks 0.9+0123456789ab", finished=finished)
    with pytest.raises(NvfairError) as caught:
        keep_landmarker(recipe(tmp_path), workspace)
    assert "begun with mediapipe-tasks 0123456789ab" in str(caught.value)
    assert "landmarks: {landmarker:" in str(caught.value)
    # Who names the landmarker in the recipe wants everything made again, once.
    kind, model = chosen_landmarker()
    named = {"landmarker": kind} | ({} if model is None else {"model": str(model)})
    keep_landmarker(recipe(tmp_path, **named), workspace)
    keep_landmarker(recipe(tmp_path), workspace)
    assert workspace.landmarker_path.read_text().startswith(f"mediapipe-{kind} ")


def test_the_landmarker_is_that_which_the_installed_mediapipe_has_models_for(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NVFAIR_LANDMARKER", str(tmp_path / "model.task"))
    monkeypatch.setattr(choice, "needs_model_file", lambda: True)
    assert chosen_landmarker() == ("tasks", tmp_path / "model.task")
    monkeypatch.setattr(choice, "needs_model_file", lambda: False)
    assert chosen_landmarker() == ("facemesh", None)
    assert chosen_landmarker("auto", "a.task") == ("tasks", Path("a.task"))
    monkeypatch.delenv("NVFAIR_LANDMARKER")
    assert default_model_file() == Path.home() / ".cache" / "nvfair" / "face_landmarker.task"


def test_a_missing_model_file_is_named_with_its_place_its_address_and_its_hash(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NVFAIR_LANDMARKER", str(tmp_path / "nowhere.task"))
    with pytest.raises(NvfairError) as caught:
        create_landmarker("tasks", default_model_file())
    for text in (str(tmp_path / "nowhere.task"), MODEL_ADDRESS, MODEL_SHA256[:12], "NVFAIR_LANDMARKER"):
        assert text in str(caught.value)


def test_a_landmarker_that_nobody_closed_ends_without_a_word(shared: Path) -> None:
    pytest.importorskip("mediapipe")
    program = f"""
import skimage.data
from nvfair_tools.landmarks.landmarker import create_landmarker
landmarker = create_landmarker("tasks", {str(shared / "models" / "face_landmarker.task")!r})
landmarker.start()
assert len(landmarker.find(skimage.data.astronaut())) == 1
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
