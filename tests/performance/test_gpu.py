"""`make gpu`: every part runs at a small size without a card, and no part's failure stops another."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.performance.gpu import aims, material
from tests.performance.gpu.device import DTYPES
from tests.performance.gpu.goldens import GOLDENS
from tests.performance.gpu.lines import FILE, Lines
from tests.performance.gpu.plan import OPTIONAL, PARTS, WHOLE, Part, chosen
from tests.performance.gpu.runner import run_parts
from tests.performance.gpu.sizes import CARD, SMALL

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs" / "performance.md").read_text()


# Of what no other test runs on a CPU, the parts of seconds; `make soak` renders too. The others (resuming, tests,
# compiled) run real tests of the suite.
QUICK = ("rates", "training", "scoring")
WHOLE_SCRIPT = tuple(part.name for part in (*PARTS, *OPTIONAL))


@pytest.mark.timeout(7200)  # a hang ends; a machine with twenty other jobs takes longer than a quiet one
@pytest.mark.parametrize(
    "names",
    [pytest.param(QUICK, marks=pytest.mark.slow), pytest.param(WHOLE_SCRIPT, marks=pytest.mark.soak)],
    ids=["quick parts", "whole"],
)
def test_the_script_runs_on_a_cpu(names: tuple[str, ...], tmp_path: Path) -> None:
    words = () if names == WHOLE_SCRIPT else names
    command = [sys.executable, "-m", "tests.performance.gpu", "--device", "cpu", "--out", str(tmp_path), *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    lines = [json.loads(line) for line in (tmp_path / FILE).read_text().splitlines()]
    printed = done.stdout.splitlines()
    assert [json.loads(line) for line in printed[: len(lines)]] == lines
    assert [line["part"] for line in lines if line.get("state") == "done" and "measured" not in line] == list(names)
    assert {line["part"] for line in lines if "measured" in line} == set(names)
    assert not [line for line in lines if line.get("state") == "failed"]
    held = [line for line in lines if line["part"] == "goldens" and "measured" in line]
    if "goldens" not in names:
        assert held == []
    elif material.golden_folder() is None:
        assert [line["state"] for line in held] == ["not run"]
    else:
        assert [(line["generator"], line["state"]) for line in held] == [(name, "passed") for name in SMALL.goldens]
    assert ["what", "measured", "aim", "reached"] in [line.split() for line in printed]


def test_every_golden_named_is_in_its_file_and_every_module_has_a_builder(shared: Path) -> None:
    assert set(GOLDENS) == set(material.FILES) == set(CARD.goldens)
    for name, golden in GOLDENS.items():
        arrays, manifest = (shared / "generators" / file for file in material.FILES[name])
        with np.load(arrays) as stored:
            assert set(golden.modes) < set(stored.files)
        assert set(json.loads(manifest.read_text())["modules"]) == set(golden.builders)
        assert set(golden.marks) == set(DTYPES)


def test_a_part_that_fails_or_takes_too_long_stops_no_other(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    parts = [Part("unknown", "", "", 60), Part("training", "", "training", 0.5), Part("rates", "", "rates", 60)]
    lines = Lines(tmp_path)
    assert run_parts(parts, "cpu", lines, whole=600) == 2
    failed, stopped, *measured, done = lines.made
    assert failed["state"] == "failed"
    assert "unknown" in failed["stderr"]
    assert stopped["state"].startswith("stopped at its limit")
    assert measured
    assert all(line["part"] == "rates" for line in measured)
    assert done["state"] == "done"
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == lines.made


def test_what_does_not_fit_into_the_time_left_is_skipped_and_says_so(tmp_path: Path) -> None:
    lines = Lines(tmp_path)
    assert run_parts(list(PARTS), "cpu", lines, whole=1.0) == 0
    assert [(line["part"], line["state"]) for line in lines.made] == [(part.name, "skipped") for part in PARTS]


def test_the_parts_limits_are_five_minutes_together() -> None:
    assert sum(part.seconds for part in PARTS) <= WHOLE == 300


def test_parts_are_chosen_by_name_or_group() -> None:
    assert [part.name for part in chosen(["rendering", "rates"])] == ["rates", "rendering"]
    assert chosen([]) == [*PARTS, *OPTIONAL]
    with pytest.raises(ValueError, match=r"'renderin'.*'rendering'"):
        chosen(["renderin"])


def test_without_a_gpu_nothing_is_run_and_the_remedy_is_named(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.performance.gpu", "--out", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={"CUDA_VISIBLE_DEVICES": "", "PATH": "/usr/bin:/bin"}
    )
    assert done.returncode == 2
    assert "make gpu DEVICE=cpu" in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_summary_sets_figures_beside_their_aims(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    lines = Lines(tmp_path)
    assert set(re.findall(r"not run", aims.summary(lines))) == {"not run"}
    for name, rates in {"lia": (700.0, 500.0), "tps": (300.0, 500.0), "face-vid2vid": (150.0, 250.0)}.items():
        for dtype, rate in zip(("float32", "bfloat16"), rates, strict=True):
            lines.add(
                {
                    "part": "rendering",
                    "measured": "all pairs",
                    "generator": name,
                    "dtype": dtype,
                    "frames_a_call": 8,
                    "frames_per_s": rate,
                    "host_waits_in_frame_loop": "none",
                }
            )
    for width, epoch in ((128, 900.0), (256, 1800.0)):
        step = {"measured": "training step", "frames": "stream", "width": width, "nvfair_epoch_s": epoch}
        lines.add({"part": "training", "host_waits_in_step": "none", **step})
    lines.add({"part": "goldens", "measured": "golden", "state": "failed"})
    rows = {line.split("  ")[0]: line for line in aims.summary(lines).splitlines()}
    capsys.readouterr()
    assert "700.0 (float32, 8 a call)" in rows["lia, frames/s"]
    assert rows["lia, frames/s"].endswith("yes")
    assert rows["tps, frames/s"].endswith("no")
    assert "0.25 (width 128)" in rows["an NVFAIR-sized epoch, hours (projected)"]
    # 650,000 x 71 / 3 frames at 700, 500 and 250 frames/s, and a quarter of an hour.
    hours = 650_000 * 71 / 3 * (1 / 700 + 1 / 500 + 1 / 250) / 3600 + 0.25
    assert f"{hours:.1f}" in rows["650,000 videos of 71 frames and an epoch, GPU-hours (projected)"]
    assert "nowhere" in rows["the host waits within a frame or step loop"]
    assert "0 of 1 passed" in rows["golden"]


def test_the_docs_name_every_part_with_its_limit_and_every_aim() -> None:
    for part in (*PARTS, *OPTIONAL):
        assert f"`{part.name}`" in DOCS
        assert re.search(rf"`{part.name}`.*\b{part.seconds:.0f}\b", DOCS), part.name
    for name, rate in aims.FRAMES_A_SECOND.items():
        assert re.search(rf"{name}.*at least {rate}", DOCS, re.IGNORECASE)
    assert f"at most {aims.GPU_HOURS:.0f}" in DOCS
    assert f"{aims.VIDEOS:,} videos of {aims.FRAMES_A_VIDEO} frames" in DOCS
