"""Small files of every kind that a command reads, made once."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest


@pytest.fixture(scope="package")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Paths for the words of `WORDS`: small, but of the right kind."""
    for package in ("mediapipe", "torch", "sqlalchemy"):
        pytest.importorskip(package)
    import numpy as np
    import pandas as pd

    from benchmark.pretrained import checkpoint_folder
    from leaderboard.store.new_board import create_board
    from leaderboard.submission.checkpoint_facts import create_declaration
    from tests.benchmark.small_world import OPEN, make
    from tests.benchmark.verification.made import calibration, enrolment
    from tests.nvfair_tools.small_build import write_recipe

    folder = tmp_path_factory.mktemp("places")
    data = make(folder / "data", replace(OPEN, people=(2, 2, 2), clips=1, frames=80)).folder
    (folder / "clips.csv").write_text("path,identity,split,permitted_use\na.mp4,x:ann,train,research\n")
    recipe = write_recipe(folder / "recipe.yaml", folder / "clips.csv")
    for name, text in {"file": "a file\n", "video.mp4": "no video", "settings.yaml": "{}\n", "x.json": "{}"}.items():
        (folder / name).write_text(text)
    (folder / "videos").mkdir()
    (folder / "videos" / "a.mp4").write_text("no video")
    pd.DataFrame({"x": [1]}).to_parquet(folder / "table.parquet")
    (folder / "key").write_text("0" * 64 + "\n")
    (folder / "key").chmod(0o600)
    (folder / "tracks").mkdir()
    np.save(folder / "tracks" / "C1001--C1001--0--GAGA.npy", np.zeros((100, 109, 3), np.float32))
    (folder / "evaluation_pairs_x.csv").write_text(
        "enrolment_sample,test_sample,label\nC1001--C1001--0--GAGA,C1001--C1002--0--GAGA,0\n"
    )
    enrolment().save(folder / "ann.enrolment")
    calibration(list(np.linspace(0, 1, 24)), list(np.linspace(-1, 0, 24)), people=12).save(folder / "x.calibration")
    create_declaration(folder / "submission")
    create_board(folder / "board", data, "me")
    shutil.copytree(checkpoint_folder("pretrained:temporal-cnn"), folder / "checkpoint")
    return {
        "dataset": data,
        "recipe": recipe,
        "built": data,
        "csv": folder / "clips.csv",
        "file": folder / "file",
        "video": folder / "video.mp4",
        "videos": folder / "videos",
        "settings": folder / "settings.yaml",
        "json": folder / "x.json",
        "table": folder / "table.parquet",
        "key": folder / "key",
        "enrolment": folder / "ann.enrolment",
        "calibration": folder / "x.calibration",
        "submission": folder / "submission",
        "board": folder / "board",
        "checkpoint": folder / "checkpoint",
        "tracks": folder / "tracks",
        "list": folder / "evaluation_pairs_x.csv",
    }
