"""`nvfair doctor`: what is missing, wrong or broken is named with its remedy, and what is not installed is no fault."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from nvfair_tools.cli import cli
from nvfair_tools.doctor import examine, packages, tools
from nvfair_tools.doctor.finding import MachineFinding
from nvfair_tools.doctor.machine import check_folders, check_machine
from nvfair_tools.doctor.preflight import look
from nvfair_tools.errors import MissingExtra
from nvfair_tools.files import existing_parent
from nvfair_tools.landmarks.landmarker import chosen_landmarker
from tests.mediapipe_here import skip_without_landmarker

ROOT = Path(__file__).resolve().parents[3]


def test_an_extra_is_whole_half_there_wrong_or_absent(made_up: None) -> None:
    findings = {finding.topic: finding for finding in packages.check_extras()}
    levels = {topic: finding.level for topic, finding in findings.items()}
    assert levels == {
        "packages": "ok",
        "packages [media]": "ok",
        "packages [curate]": "warning",
        "packages [train]": "error",
        "packages [board]": "note",
        "packages [new]": "warning",
    }
    assert "older than this code" in findings["packages [new]"].message
    assert "no-such-package-here missing" in findings["packages [curate]"].message
    assert "pillow is " in findings["packages [train]"].message
    assert ">=999" in findings["packages [train]"].message
    assert findings["packages [train]"].remedy == "pip install 'made-up[train]'"


def test_a_missing_module_belongs_to_the_first_extra_that_brings_it(made_up: None) -> None:
    modules = ("PIL", "pyarrow", "another_absent_one", "click", "unheard_of")
    assert [packages.extra_with(module) for module in modules] == ["media", "curate", "board", "", ""]


def test_a_python_that_is_not_supported_is_an_error(made_up: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 11, 4, "final", 0))
    assert packages.check_python().level == "ok"
    monkeypatch.setattr(sys, "version_info", (3, 12, 0, "final", 0))
    finding = packages.check_python()
    assert finding.level == "error"
    assert "3.12.0" in finding.message
    assert "<3.12" in finding.message


def test_every_extra_of_the_package_is_looked_at() -> None:
    tomllib = pytest.importorskip("tomllib", reason="Python 3.11 reads TOML")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(packages.EXTRAS) - {""} == set(project["optional-dependencies"]) - {"all", "dev", "docs"}


def test_an_ffmpeg_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    monkeypatch.setenv("NVFAIR_FFMPEG", "/no/such/ffmpeg")
    first, second = tools.check_video()
    assert first.level == "error"
    assert "/no/such/ffmpeg" in first.message
    assert "NVFAIR_FFMPEG" in first.remedy
    assert second.level == "ok"


def test_a_checkpoint_whose_file_is_gone_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("NVFAIR_WEIGHTS", str(tmp_path))
    assert [finding.level for finding in tools.check_weights()] == ["note"]
    record = {"name": "a", "generator": "lia", "variant": "vox", "sha256": "0", "stored_sha256": "0"}
    rest = {"original_file": "vox.pt", "modules": [], "licence": "none", "source": "", "added": ""}
    (tmp_path / "a.json").write_text(json.dumps({**record, **rest}))
    (finding,) = tools.check_weights()
    assert finding.level == "error"
    assert "nvfair weights remove a" in finding.remedy
    (tmp_path / "a.safetensors").write_bytes(b"")
    assert [finding.level for finding in tools.check_weights()] == ["ok"]
    (tmp_path / "a.json").write_text("{")
    (finding,) = tools.check_weights()
    assert finding.level == "error"
    assert "a.json" in finding.message


def test_places_that_cannot_be_written_to_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    assert existing_parent(closed / "a" / "b") == closed
    # The owner of the tests may be root, whom no mode keeps out.
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != closed)
    (finding,) = check_folders({"folder of weights": closed / "weights"})
    assert finding.level == "warning"
    assert str(closed) in finding.remedy
    disk = next(finding for finding in check_machine(closed / "out") if finding.topic == "disk")
    assert disk.level == "error"


@pytest.mark.slow
def test_the_command_tries_every_tool_and_ends_with_counts(tmp_path: Path) -> None:
    skip_without_landmarker()
    pytest.importorskip("torch")
    done = CliRunner().invoke(cli, ["doctor"])
    assert done.exit_code == 0, done.output
    assert f"landmarker: mediapipe-{chosen_landmarker()[0]}" in done.output
    assert "finds a face" in done.output
    assert done.output.splitlines()[-1].startswith("0 errors")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: a\noutput: out\nsources: [{csv: clips.csv}]\nrights: {render_if: [any]}\n"
        "generators: [{name: warp-dense}]\n"
    )
    (tmp_path / "clips.csv").write_text(
        "path,identity,split,licence,consent,permitted_use\nno.mp4,sim:a,test,none,yes,any\n"
    )
    done = CliRunner().invoke(cli, ["doctor", str(recipe), "--json"])
    assert done.exit_code == 1
    findings = json.loads(done.stdout)
    assert {finding["level"] for finding in findings} >= {"ok", "error"}
    assert any(finding["topic"].startswith("recipe.yaml: ") and "no.mp4" in finding["message"] for finding in findings)


def test_it_stops_at_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nvfair_tools.doctor.examination.installed", lambda extra: False)
    topics = {finding.topic for finding in examine()}
    assert {"Python", "packages", "disk", "temporary files", "processor"} <= topics
    assert not topics & {"ffmpeg", "landmarker", "graphics card", "weights"}


def test_a_missing_package_is_named_once_whatever_asks_for_it() -> None:
    def needs_av() -> MachineFinding:
        raise MissingExtra("av", "media", "No module named 'av'")

    def needs_opencv() -> MachineFinding:
        raise MissingExtra("cv2", "curate", "No module named 'cv2'")

    def needs_a_library() -> MachineFinding:
        raise MissingExtra("cv2", "curate", "libGL.so.1: cannot open shared object file")

    of_curate = MachineFinding("error", "packages [curate]", "av is missing; scipy is missing", "pip")
    findings = look([lambda: of_curate, lambda: of_curate, needs_av, needs_opencv, needs_opencv, needs_a_library])
    assert [(finding.topic, finding.message.partition(",")[0]) for finding in findings] == [
        ("packages [curate]", "av is missing; scipy is missing; opencv-python (cv2) is missing"),
        ("machine", "this needs the package 'cv2'"),
    ]
    assert findings[0].remedy == "pip install 'nvfair-tools[curate]'"
