"""Bundles: one cell of a report recomputed from what was kept."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmark import protocols
from benchmark.evaluation.reproduce import RECORD, recompute_bundle, write_bundle
from benchmark.evaluation.results import read_results, write_results
from benchmark.evaluation.run import EvaluationOptions, evaluate
from benchmark.methods.candidates import as_candidate
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems


@pytest.fixture(scope="module")
def report(small: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    methods = [
        as_candidate("tests.benchmark.toy_methods:MotionSize"),
        as_candidate("tests.benchmark.toy_methods:Secretive"),
    ]
    results = evaluate(
        small, methods, [protocols.load("nvfair-unseen")], EvaluationOptions(evidence=folder / "evidence")
    )
    write_results(folder / "results.json", results)
    return folder


def test_a_cell_comes_back_to_the_last_digit_without_the_data_set(report: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "b.zip"
    cell = write_bundle(report, bundle, method="motion-size", generator="beta")
    again = recompute_bundle(bundle)
    assert again.changed == ()
    assert (again.method, again.generator, again.protocol) == ("motion-size", "beta", "nvfair-unseen")
    assert again.figures == cell.figures
    with zipfile.ZipFile(bundle) as archive:
        assert sorted(archive.namelist()) == [RECORD, "embeddings.parquet", "videos.parquet"]


def test_equal_reports_give_equal_bundles(report: Path, tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        write_bundle(report, tmp_path / name, method="motion-size", generator="beta")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_figure_that_was_dressed_up_is_named(report: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "b.zip"
    write_bundle(report, bundle, method="motion-size", generator="beta")
    files = _read(bundle)
    record = json.loads(files[RECORD])
    record["cell"]["auc_mean"]["value"] = 0.99
    _write(bundle, files | {RECORD: json.dumps(record).encode()})
    assert [figure.key for figure in recompute_bundle(bundle).changed] == ["auc_mean.value"]
    from nvfair_tools.cli import cli

    result = CliRunner().invoke(cli, ["reproduce", "run", str(bundle)])
    assert isinstance(result.exception, Problems)
    assert "auc_mean.value: reported 0.99" in str(result.exception)


def test_a_file_that_was_changed_is_refused(report: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "b.zip"
    write_bundle(report, bundle, method="motion-size", generator="beta")
    files = _read(bundle)
    _write(bundle, files | {"videos.parquet": files["videos.parquet"] + b"x"})
    with pytest.raises(Problems, match=r"videos\.parquet is not the file"):
        recompute_bundle(bundle)


@pytest.mark.parametrize("content", [b"", b"no zip at all"])
def test_what_is_no_bundle_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.zip").write_bytes(content)
    with pytest.raises(NvfairError, match="not a whole zip"):
        recompute_bundle(tmp_path / "b.zip")


def test_an_unclear_choice_lists_the_cells(report: Path, tmp_path: Path) -> None:
    with pytest.raises(NvfairError, match="motion-size on alpha under nvfair-unseen"):
        write_bundle(report, tmp_path / "b.zip")


def _read(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def test_the_kept_embeddings_are_a_candidate_themselves(report: Path, small: Dataset) -> None:
    """Figures from the evidence equal those of the run that left it."""
    first = read_results(report / "results.json")
    file = as_candidate(report / "evidence" / "motion-size-0.parquet")
    again = evaluate(small, [file], [protocols.load("nvfair-unseen")])
    values = [
        [cell.figures.auc_mean.value for cell in results.cells if cell.method != "secretive"]
        for results in (first, again)
    ]
    assert np.array_equal(values[0], values[1])
