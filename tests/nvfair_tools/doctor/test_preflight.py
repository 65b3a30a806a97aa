"""The preflight: each thing that a command needs is really taken away, and is named before any work begins."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from nvfair_tools.cli import COMMANDS, cli
from nvfair_tools.cli.preflight import needs_of
from nvfair_tools.doctor.finding import MachineFinding
from nvfair_tools.doctor.machine import check_output, check_port, check_room
from nvfair_tools.doctor.packages import check_packages
from nvfair_tools.doctor.preflight import Needs, PreflightError, look, preflight
from nvfair_tools.doctor.tools import check_device, check_encoder
from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.workspace import Workspace
from tests.mediapipe_here import skip_without_landmarker
from tests.small_disk import small_disk

RECIPE = """\
name: a
output: {output}
sources: [{{csv: clips.csv}}]
rights: {{render_if: [any]}}
splits: {{by: column}}
generators: [{generator}]
workers: 0
"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of thirty grey frames: whoever begins to work on it finds no face."""
    pytest.importorskip("av")
    from nvfair_tools.media import encode

    path = tmp_path_factory.mktemp("clips") / "grey.mp4"
    encode(path, (np.full((64, 64, 3), 90, np.uint8) for _ in range(30)), Fraction(25))
    return path


def recipe(folder: Path, clip: Path, *, output: str = "out", generator: str = "{name: warp-dense}") -> Path:
    other = shutil.copy(clip, folder / "other.mp4")
    rows = [f"{path},sim:{name},test,none,yes,any" for path, name in ((clip, "a"), (other, "b"))]
    (folder / "clips.csv").write_text("\n".join(["path,identity,split,licence,consent,permitted_use", *rows]) + "\n")
    (folder / "recipe.yaml").write_text(RECIPE.format(output=output, generator=generator))
    return folder / "recipe.yaml"


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def stopped(result: Result) -> dict[str, MachineFinding]:
    """The findings that stopped a command, by topic."""
    assert isinstance(result.exception, PreflightError), result.output
    return {finding.topic: finding for finding in result.exception.findings}


def needs(name: str, **parameters: Any) -> list[MachineFinding]:
    return look(needs_of(name)(parameters).checks)


def commands(group: click.Group, context: click.Context) -> Iterator[click.Command]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, context)
        else:
            yield command


LONG = frozenset(
    ("build", "ingest", "plan", "render", "landmarks", "shards", "quality", "get", "nvfair", "cut", "cohort", "people")
    + ("train", "embed", "evaluate", "stress", "compare", "matrix", "enrol", "verify", "verify-page", "calibrate")
    + ("demo", "export", "push", "merge", "append", "mark", "serve", "worker", "fuse")
)


def test_every_long_command_has_a_preflight_whose_needs_exist() -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("torch")
    checked = {}
    for command in commands(cli, click.Context(cli)):
        if needs_name := getattr(command.callback, "needs", None):
            assert callable(needs_of(needs_name)), command.name
            assert command.params[-1].opts == ["--no-preflight"] or "--no-preflight" in str(command.params), (
                command.name
            )
            checked[command.name] = needs_name
    assert set(checked) >= LONG
    assert COMMANDS.keys() >= {"train", "build"}


def test_a_build_without_its_encoder_stops_before_it_begins_and_an_ingest_does_not(tmp_path, clip, monkeypatch) -> None:
    skip_without_landmarker()
    monkeypatch.setenv("NVFAIR_FFMPEG", "/no/such/ffmpeg")
    path = recipe(tmp_path, clip)
    findings = stopped(run("build", path))
    assert set(findings) == {"ffmpeg"}
    assert "NVFAIR_FFMPEG" in findings["ffmpeg"].remedy
    assert not (tmp_path / "out").exists()
    assert {finding.level for finding in needs("curator:ingest", recipe=path, engine=None)} == {"ok"}


def test_training_asks_for_no_ffmpeg_and_no_landmarker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("NVFAIR_FFMPEG", "/no/such/ffmpeg")
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    (tmp_path / "dataset.json").write_text('{"format_version": "1.0"}')
    parameters = {"dataset": tmp_path, "out": tmp_path / "run", "device": "cpu", "precision": "auto", "start": None}
    findings = needs("author:train", **parameters, generators=(), tensorboard=None)
    assert [finding for finding in findings if finding.level == "error"] == []


def test_everything_that_is_missing_is_named_at_once_with_its_remedy(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    for name in ("none", "no"):  # folders, but neither a data set nor a checkpoint
        (tmp_path / name).mkdir()
    with small_disk(tmp_path / "disk", 64) as disk:
        result = run(
            "train", tmp_path / "none", disk / "run", "-g", "a", "--device", "abacus", "--from", tmp_path / "no"
        )
        findings = stopped(result)
        assert len(findings) == 4
        assert not (disk / "run").exists()
    assert "nvfair build" in findings[str(tmp_path / "none")].remedy
    assert "nvfair train" in findings[str(tmp_path / "no")].remedy
    assert "64 KB" not in findings["disk"].message
    assert "200 MB" in findings["disk"].message
    assert "cuda:N" in findings["device"].remedy
    text = str(result.exception)
    assert text.startswith("nvfair train: this command cannot do its work here, for 4 reasons") or "4 reasons" in text
    assert text.count("to fix it:") == 5
    assert "--no-preflight" in text


def test_a_folder_that_cannot_be_written_is_named_also_to_root(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64) as disk:
        assert check_output(disk / "a" / "b").level == "ok"
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        finding = check_output(disk / "a" / "b")
        assert (finding.level, finding.topic) == ("error", "output")
        assert "Read-only" in finding.message
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)


def test_a_disk_that_the_plan_does_not_fit_on_stops_a_build_unless_it_is_begun_regardless(tmp_path, clip) -> None:
    skip_without_landmarker()
    with small_disk(tmp_path / "disk", 300) as disk:
        path = recipe(tmp_path, clip, output=str(disk / "out"))
        findings = stopped(run("build", path))
        assert " needed (features " in findings["disk"].message
        assert "distances: none" in findings["disk"].remedy
        assert not (disk / "out").exists()
        begun = run("ingest", path, "--quiet", "--no-preflight")
        assert not isinstance(begun.exception, PreflightError)
        assert (disk / "out" / ".build").is_dir()


def test_weights_that_are_gone_or_changed_stop_a_build(tmp_path, clip, monkeypatch) -> None:
    pytest.importorskip("torch")
    skip_without_landmarker()
    from generators.weights import Record, _write_record, _write_tensors

    monkeypatch.setenv("NVFAIR_WEIGHTS", str(tmp_path))
    generator = "{name: lia, weights: mine}, {name: warp-dense, settings: {size: nonsense}}"
    path = recipe(tmp_path, clip, generator=generator)
    findings = stopped(run("render", path))
    assert "no such file and no such registered name" in findings["weights of lia"].message
    assert "warp-dense" in str(findings["generator warp-dense"])
    import torch

    stored = _write_tensors({"generator": {"a": torch.zeros(2)}}, tmp_path / "mine.safetensors")
    record = Record("mine", "lia", "", "0" * 64, stored, "vox.pt", ("generator",), "none", "", "")
    _write_record(record, tmp_path / "mine.json")
    path = recipe(tmp_path, clip, generator="{name: lia, weights: mine, settings: {device: cpu}}")
    assert not [finding for finding in _needs_of_build(path) if finding.level == "error"]
    with open(tmp_path / "mine.safetensors", "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x01")
    (finding,) = [finding for finding in _needs_of_build(path) if finding.level == "error"]
    assert finding.topic == "weights of lia"
    assert "missing or was changed" in finding.message


def _needs_of_build(path: Path) -> list[MachineFinding]:
    return needs("curator:shards", recipe=path, engine=None)


def test_a_checkpoint_with_other_weights_than_its_record_says_stops_an_evaluation(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from benchmark.pretrained import checkpoint_folder

    checkpoint = shutil.copytree(checkpoint_folder("pretrained:temporal-cnn"), tmp_path / "copy")
    (tmp_path / "none").mkdir()
    words = ("evaluate", tmp_path / "none", "--out", tmp_path / "report", "--device", "cpu", "--checkpoint", checkpoint)
    assert set(stopped(run(*words))) == {str(tmp_path / "none")}
    with open(checkpoint / "weights.safetensors", "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x01")
    findings = stopped(run(*words))
    assert findings[str(checkpoint / "weights.safetensors")].remedy == "copy it again"
    assert not (tmp_path / "report").exists()


HOLDER = """
import sys, time
from pathlib import Path
from nvfair_tools.doctor.preflight import Needs, preflight
with preflight("first", Needs(claimed=(Path(sys.argv[1]),)), print):
    print("claimed", flush=True)
    time.sleep(600)
"""


def test_a_folder_that_another_command_writes_in_is_refused_until_that_has_ended(tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="Windows has no such lock")
    folder = tmp_path / "run"
    other = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "claimed\n"
        with pytest.raises(PreflightError, match="another command is at work"), _claim(folder):
            pass
    finally:
        other.kill()
        other.communicate()
    with _claim(folder):
        assert list(folder.iterdir()) == []
    with _claim(folder):  # nothing stays behind
        pass


def _claim(folder: Path) -> Any:
    return preflight("second", Needs(claimed=(folder,)), print)


BUILDER = """
import sys, time
from pathlib import Path
from nvfair_tools.pipeline.workspace import Workspace
with Workspace(Path(sys.argv[1])).open_journal():
    print("locked", flush=True)
    time.sleep(600)
"""


def test_a_build_at_work_is_seen_and_a_killed_one_is_not(tmp_path: Path, clip: Path) -> None:
    pytest.importorskip("fcntl", reason="Windows has no such lock")
    skip_without_landmarker()
    path, out = recipe(tmp_path, clip), tmp_path / "out"
    other = subprocess.Popen([sys.executable, "-c", BUILDER, str(out)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        findings = stopped(run("ingest", path))
        assert str(out) in findings["run in progress"].message
    finally:
        other.kill()
        other.communicate()
    (out / ".build" / "lock").write_text(f"{os.getpid()} {os.uname().nodename}")  # of a process that ended long ago
    assert not Workspace(out).is_locked()


def test_an_address_that_is_taken_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        finding = check_port("127.0.0.1", taken.getsockname()[1])
    assert finding.level == "error"
    assert "--port" in finding.remedy
    assert check_port("127.0.0.1", 0).level == "ok"


def test_warnings_do_not_stop_and_mistakes_of_ours_are_not_swallowed(capsys: pytest.CaptureFixture) -> None:
    texts: list[str] = []
    warning = MachineFinding("warning", "memory", "little", "end other programs")
    with preflight("a", Needs((lambda: [warning, MachineFinding("note", "b", "c")],)), texts.append):
        pass
    assert texts == ["memory: little\n  to fix it: end other programs"]

    def wrong() -> MachineFinding:
        raise NvfairError("it is 3", where="a.yaml", expected="2", remedy="write 2")

    assert look([wrong]) == [MachineFinding("error", "a.yaml", "it is 3; expected: 2", "write 2")]
    with pytest.raises(ZeroDivisionError):
        look([lambda: MachineFinding("ok", "a", str(1 // 0))])


def test_a_package_that_is_missing_or_of_a_wrong_version_is_named(made_up: None) -> None:
    assert check_packages("media", ("pillow",)).level == "ok"
    assert "no-such-package-here is missing" in check_packages("curate", ("no-such-package-here",)).message
    finding = check_packages("train", ("pillow", "click"))
    assert "must be >=999" in finding.message
    assert finding.remedy == "pip install 'made-up[train]'"


def test_a_device_and_a_room_that_are_there_are_no_findings(tmp_path: Path) -> None:
    assert check_device("cpu").level == "ok"
    assert check_room(tmp_path / "a" / "b", 1, "a byte").level == "ok"
    assert check_room(tmp_path, 1e18, "an exabyte").level == "error"
    pytest.importorskip("av")
    assert check_encoder().level == "ok"
    torch = pytest.importorskip("torch")
    assert check_device("cuda:99").level == "error"
    assert (check_device("cuda").level == "ok") == torch.cuda.is_available()
