"""Published lists of trials are read as they are, and refused where they contradict themselves."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from benchmark.trials.pair_lists import read_pair_list
from nvfair_tools.errors import NvfairError, Problems

A, B, C = "C1003--C1003--u1--GAGA", "C1004--C1003--u2--GAGA", "C1004--C1004--u3--GAGA"
HEAD = "enrolment_sample,test_sample,label"


def write(path: Path, *rows: str, head: str = HEAD) -> Path:
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_list_is_read_in_its_order_and_is_named_by_its_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "evaluation_pairs_CREMA-D_GAGA.csv", f"{A}.mp4,{B}.mp4,1", f"{C}.mp4,{A}.mp4,0")
    pairs = read_pair_list(path)
    assert (pairs.enrolment, pairs.test, pairs.genuine.tolist()) == ((A, C), (B, A), [True, False])
    assert (pairs.name, pairs.collection, pairs.generator, len(pairs)) == (path.stem, "cremad", "GAGA", 2)
    assert pairs.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert pairs.samples[B].driver == "cremad:1003"


def test_one_list_serves_another_generator_by_both_names(tmp_path: Path) -> None:
    pairs = read_pair_list(write(tmp_path / "list.csv", f"{A}.mp4,{B}.mp4,1")).by("LIVE")
    assert (pairs.enrolment, pairs.test) == (("C1003--C1003--u1--LIVE",), ("C1004--C1003--u2--LIVE",))
    assert (pairs.generator, pairs.name) == ("LIVE", "list as LIVE")
    assert pairs.by("LIVE") is pairs


def test_every_contradictory_row_is_named_at_once(tmp_path: Path) -> None:
    rows = [
        f"{A}.mp4,{B}.mp4,0",  # one driver
        f"{A}.mp4,{C}.mp4,1",  # two drivers
        f"{A}.mp4,{A}.mp4,1",
        f"{A}.mp4,{B}.mp4,yes",
        f"{A}.mp4,nobody.mp4,0",
        f"{A}.mp4",
    ]
    with pytest.raises(Problems) as caught:
        read_pair_list(write(tmp_path / "list.csv", *rows))
    text = str(caught.value)
    for line, words in enumerate(
        (
            "label is 0, but the drivers in the names are cremad:1003 and cremad:1003",
            "label is 1, but the drivers in the names are cremad:1003 and cremad:1004",
            "paired with itself",
            "label is 'yes', expected 0 or 1",
            "'nobody' does not follow",
            "'' does not follow",
        ),
        2,
    ):
        assert any(f"row {line}: " in problem and words in problem for problem in caught.value.problems), (line, text)


def test_two_generators_or_collections_in_one_list_are_refused(tmp_path: Path) -> None:
    row = f"{A}.mp4,{B.replace('GAGA', 'LIVE')}.mp4,1"
    with pytest.raises(Problems, match="several generators: GAGA, LIVE"):
        read_pair_list(write(tmp_path / "list.csv", row))
    row = f"{A}.mp4,Actor_01--Actor_01--u--GAGA.mp4,0"
    with pytest.raises(Problems, match="several collections: cremad, ravdess"):
        read_pair_list(write(tmp_path / "list.csv", row))


def test_other_tables_and_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NvfairError, match="no column label"):
        read_pair_list(write(tmp_path / "head.csv", head="enrolment_sample,test_sample"))
    with pytest.raises(NvfairError, match="no row"):
        read_pair_list(write(tmp_path / "none.csv"))
    with pytest.raises(NvfairError, match="no such file"):
        read_pair_list(tmp_path / "absent.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x81" * 9)
    with pytest.raises(NvfairError, match="can be read"):
        read_pair_list(tmp_path / "binary.csv")
    with pytest.raises(NvfairError, match="can be read"):
        read_pair_list(tmp_path)
