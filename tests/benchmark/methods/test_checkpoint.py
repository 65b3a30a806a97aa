"""A checkpoint says what it was trained on, and what is damaged or leaks is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.methods.checkpoint import RECORD_FILE, WEIGHTS_FILE, load_checkpoint
from benchmark.training.loop import train
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from tests.benchmark.training.test_loop import OPTIONS, PROTOCOL


def test_damaged_or_foreign_checkpoints_are_refused(small: Dataset, tmp_path: Path) -> None:
    train(small, tmp_path, OPTIONS, PROTOCOL)
    record = json.loads((tmp_path / RECORD_FILE).read_text())
    tester = record["people"]["held_out"][0]
    leaking = json.loads(json.dumps(record))
    leaking["people"]["validation"]["drivers"].append(tester)
    (tmp_path / RECORD_FILE).write_text(json.dumps(leaking))
    with pytest.raises(NvfairError, match=f"in validation and in test: {tester}"):
        load_checkpoint(tmp_path)
    unknown = {key: value for key, value in record.items() if key != "people"}
    (tmp_path / RECORD_FILE).write_text(json.dumps(unknown))
    with pytest.raises(NvfairError, match="does not say who"):
        load_checkpoint(tmp_path)
    (tmp_path / RECORD_FILE).write_text(json.dumps(record))
    (tmp_path / WEIGHTS_FILE).write_bytes((tmp_path / WEIGHTS_FILE).read_bytes()[:-4] + b"\0\0\0\0")
    with pytest.raises(NvfairError, match="weights"):
        load_checkpoint(tmp_path)
    with pytest.raises(NvfairError, match="not a finished checkpoint"):
        load_checkpoint(tmp_path / "nowhere")


def test_checkpoints_of_the_first_format_still_load(small: Dataset, tmp_path: Path) -> None:
    made = train(small, tmp_path, replace(OPTIONS, windows=32, scale="box"), PROTOCOL)
    record = json.loads((tmp_path / RECORD_FILE).read_text())
    old = record | {"format_version": 1}
    old["network"] = {key: value for key, value in record["network"].items() if key != "scale"}
    (tmp_path / RECORD_FILE).write_text(json.dumps(old))
    loaded = load_checkpoint(tmp_path)
    assert loaded.network.shape == made.network.shape
    assert loaded.declaration == made.declaration
    (tmp_path / RECORD_FILE).write_text(json.dumps(record | {"format_version": 3}))
    with pytest.raises(NvfairError, match="format version 3"):
        load_checkpoint(tmp_path)
