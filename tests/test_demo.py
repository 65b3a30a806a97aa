"""The whole job as a newcomer runs it, on the smallest set of simulated people."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from datasets import load_dataset

from benchmark.methods.checkpoint import load_checkpoint
from nvfair_tools.dataset import Dataset
from nvfair_tools.media import probe
from tests.mediapipe_here import skip_without_landmarker

skip_without_landmarker("the demo tracks faces: pip install 'nvfair-tools[all]'")
pytest.importorskip("torch", reason="the demo trains a network: pip install 'nvfair-tools[all]'")
GENERATORS = ["warp-dense", "warp-parts", "warp-tps"]


def run(folder: Path) -> str:
    """Output of `nvfair demo --small`, which must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "nvfair_tools", "demo", str(folder), "--small"],
        capture_output=True,
        text=True,
        timeout=1700,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    output = run(folder)
    assert str(folder / "report" / "index.html") in output
    return folder


def test_every_planned_video_is_made_and_says_that_it_is_synthetic(demo: Path) -> None:
    dataset = Dataset.open(demo / "dataset")
    assert dataset.meta["simulated"]
    assert set(dataset.videos["state"]) == {"ok"}
    test = dataset.videos[(dataset.videos["split"] == "test") & dataset.videos["generator"].notna()]
    # 3 test people, 2 clips each, on all 3 faces, by 3 generators.
    assert test.groupby(["generator", "kind"]).size().to_dict() == {
        (name, kind): count for name in GENERATORS for kind, count in {"self": 6, "cross": 12}.items()
    }
    for row in test.groupby("generator").head(1).itertuples():
        text = probe(demo / "dataset" / row.path).metadata
        assert text["synthetic"] == "true"
        assert (text["generator"], text["target"], text["driver"]) == (row.generator, row.target, row.driver)


def test_hugging_face_datasets_reads_it_without_custom_code(demo: Path, tmp_path: Path) -> None:
    frames = load_dataset(str(demo / "dataset"), cache_dir=str(tmp_path))
    videos = pd.read_parquet(demo / "dataset" / "videos.parquet")
    for split, rows in frames.items():
        assert rows.num_rows == videos.loc[videos["split"] == split, "frames"].sum()
    assert len(frames["test"][0]["landmarks"]) == 252


def test_all_generators_and_people_are_unseen_and_shortcuts_stand_beside_each(demo: Path) -> None:
    results = json.loads((demo / "report" / "results.json").read_text())
    assert {(cell["method"], cell["generator"], cell["relation"]) for cell in results["cells"]} == {
        (method, generator, "unseen") for method in ("motion-signature", "temporal-cnn") for generator in GENERATORS
    }
    trained_on = load_checkpoint(demo / "motion-signature").declaration.training.people
    assert len(trained_on) == 12
    assert not trained_on & set(Dataset.open(demo / "dataset").identities["identity"])
    assert all("permutation" in cell for cell in results["cells"])
    assert {(c["control"], c["generator"]) for c in results["controls"]} >= {("mean face shape", g) for g in GENERATORS}
    assert any("simulated" in note for note in results["notes"])
    page = (demo / "report" / "index.html").read_text()
    assert 'href="who-drives.html"' in page
    single = demo / "report" / "who-drives.html"
    assert single.stat().st_size < 2_000_000
    text = single.read_text()
    assert "SIMULATED PEOPLE" in text
    assert "image/webp" in text
    assert "<script" not in text
    assert "<script src" not in page
    assert "https://fonts" not in page


def test_running_it_again_changes_nothing(demo: Path) -> None:
    def state() -> dict[str, bytes]:
        names = (
            "cohort/videos.parquet",
            "motion-signature/checkpoint.json",
            "dataset/dataset.json",
            "dataset/videos.parquet",
        )
        return {name: (demo / name).read_bytes() for name in names}

    before = state()
    run(demo)
    assert state() == before
