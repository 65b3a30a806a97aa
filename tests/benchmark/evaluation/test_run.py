"""Evaluation end to end on a small data set: figures, refusals, exclusions, report and command."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from benchmark import protocols
from benchmark.controls import CROSSNESS, LENGTH, ORIGIN, POSE, SHAPE, STILL
from benchmark.evaluation.run import evaluate, write_results
from benchmark.methods.candidates import Candidate, MethodCandidate, as_candidate
from benchmark.methods.checkpoint import RECORD_FILE
from benchmark.methods.declaration import RoleExposure
from benchmark.methods.embedding_files import read_embeddings
from benchmark.methods.train_options import TrainOptions
from benchmark.metrics import roc as metrics
from benchmark.protocols.schema import Protocol
from benchmark.report import write_markdown, write_report
from benchmark.training.loop import train
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems
from tests.benchmark.small_world import World, make

SEEN, UNSEEN = protocols.load("nvfair-seen"), protocols.load("nvfair-unseen")
OPTIONS = TrainOptions(
    generators=("alpha",), windows=160, batch=16, drivers=3, width=16, embedding=8, validate_every=80
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    broken = {"beta-06-clip-06-0": "gap", "beta-07-clip-06-1": "short", "beta-07-clip-08-1": "failed"}
    return make(tmp_path_factory.mktemp("data"), World(people=(4, 2, 4), clips=4), breaks=broken)


@pytest.fixture(scope="module")
def folder(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "alpha-run"
    train(data, out, OPTIONS, SEEN)
    return out


@pytest.fixture(scope="module")
def trained(folder: Path) -> MethodCandidate:
    found = as_candidate(folder)
    assert isinstance(found, MethodCandidate)
    return found


@pytest.fixture(scope="module")
def results(data: Dataset, trained: MethodCandidate) -> dict[str, Any]:
    return evaluate(data, [trained], [SEEN, UNSEEN])


def test_cells_stand_under_the_protocol_their_generator_fits(results: dict[str, Any]) -> None:
    found = {(c["generator"], c["relation"], c["protocol"]) for c in results["cells"]}
    assert found == {("alpha", "seen", "nvfair-seen"), ("beta", "unseen", "nvfair-unseen")}


def test_figures_equal_a_plain_reckoning_from_the_embeddings(
    data: Dataset, folder: Path, results: dict[str, Any], tmp_path: Path
) -> None:
    """From the embeddings file alone, by loops: what somebody else would do with it."""
    out = tmp_path / "e.parquet"
    _run("embed", str(data.folder), str(out), "--checkpoint", str(folder), "-g", "alpha")
    table = read_embeddings(out)
    mean: dict[str, np.ndarray] = {}
    for video in dict.fromkeys(table.video):
        rows = table.embedding[table.video == video].astype(float)
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        mean[video] = rows.mean(axis=0) / np.linalg.norm(rows.mean(axis=0))
    about = data.videos.set_index("video")
    areas = {}
    for target in sorted(about.loc[list(mean), "target"].unique()):
        own = [v for v in mean if about["target"][v] == target == about["driver"][v]]
        other = [v for v in mean if about["target"][v] == target != about["driver"][v]]
        genuine = [-np.linalg.norm(mean[a] - mean[b]) for n, a in enumerate(own) for b in own[n + 1 :]]
        impostor = [-np.linalg.norm(mean[a] - mean[b]) for a in own for b in other]
        areas[target] = metrics.auc(np.array(genuine), np.array(impostor))
    cell = next(c for c in results["cells"] if c["generator"] == "alpha")
    assert cell["per_target"] == pytest.approx(areas)
    assert cell["auc_mean"]["value"] == pytest.approx(np.mean(list(areas.values())))
    assert cell["trials"] == {"genuine": 4 * 6, "impostor": 4 * 4 * 12, "targets": 4}


def test_every_cell_has_its_shortcuts_and_cross_trials_beside_it(results: dict[str, Any]) -> None:
    for cell in results["cells"]:
        beside = [c for c in results["controls"] if c["generator"] == cell["generator"]]
        assert {c["control"] for c in beside} == {SHAPE, STILL, POSE, CROSSNESS, ORIGIN, LENGTH}
        assert all(c["trials"] == cell["trials"] for c in beside)
        best = max(beside, key=lambda c: c["auc_mean"]["value"])
        gap = cell["auc_mean"]["value"] - best["auc_mean"]["value"]
        assert cell["margin"]["value"] == pytest.approx(gap)
        assert 0 <= cell["cross_cross"]["auc_mean"]["value"] <= 1
        assert cell["auc_mean"]["low"] is None  # four people are too few for an interval
        assert cell["auc_mean"]["reason"].startswith("4 people")
        assert 0 < cell["permutation"]["p_value"] <= 1


def test_what_was_left_out_is_counted_with_its_reason(results: dict[str, Any]) -> None:
    assert results["exclusions"][0]["videos_lost"] == {
        "face_missing": 1,
        "render_failed": 1,
        "shorter_than_a_window": 1,
    }
    assert results["exclusions"][0]["videos_asked"] - results["exclusions"][0]["videos_used"] == 3


def test_null_controls_run_by_default_and_are_at_chance(results: dict[str, Any]) -> None:
    names = {row["name"] for row in results["nulls"]}
    assert names >= {"constant scores", "random embeddings", "drivers permuted by person"}
    assert all(row["passed"] for row in results["nulls"])
    assert not any("Do not trust" in note for note in results["notes"])


def test_thresholds_come_from_validation_people(results: dict[str, Any]) -> None:
    for cell in results["cells"]:
        assert cell["validation"]["people"] == 2
        assert set(cell["at_validation_threshold"]) >= {"eer", "fmr 0.01"}


def test_what_could_not_be_scored_counts_as_rejected(results: dict[str, Any]) -> None:
    lost = next(c for c in results["cells"] if c["generator"] == "beta")["fta"]
    assert lost["genuine"] > 0
    whole = next(c for c in results["cells"] if c["generator"] == "alpha")["fta"]
    assert (whole["genuine"], whole["impostor"]) == (0, 0)


def test_a_family_is_named_where_unseen_generators_share_it(results: dict[str, Any]) -> None:
    assert any("within the toy family" in note for note in results["notes"])


def test_near_shortcuts_are_noted_once_a_checkpoint(results: dict[str, Any]) -> None:
    near = sum(cell["margin"]["near"] for cell in results["cells"])
    notes = [note for note in results["notes"] if "a shortcut comes near" in note]
    assert len(notes) == (1 if near else 0)
    assert all(f"on {near} generator(s)" in note for note in notes)


def test_results_repeat_themselves(data: Dataset, trained: MethodCandidate, results: dict[str, Any]) -> None:
    again = evaluate(data, [trained], [SEEN, UNSEEN])
    assert {**again, "machine": 0} == {**results, "machine": 0}


def _with_exposure(trained: MethodCandidate, role: str, **more: str) -> Candidate:
    """The same method with one more person or generator in a role."""
    declaration = trained.declaration
    exposure = getattr(declaration, role)
    values = {key: getattr(exposure, key) for key in ("people", "generators")}
    grown = RoleExposure(**{key: value | {more[key]} if key in more else value for key, value in values.items()})
    method = replace(trained.method, declaration=replace(declaration, **{role: grown}))
    return MethodCandidate(method, trained.details)


@pytest.mark.parametrize("role", ["training", "selection", "thresholds", "cohorts"])
def test_test_people_that_were_touched_are_refused_or_stamped(
    data: Dataset, trained: MethodCandidate, role: str
) -> None:
    person = sorted(data.videos.loc[data.videos["split"] == "test", "target"])[0]
    touched = _with_exposure(trained, role, people=person)
    with pytest.raises(Problems, match=f"in {role}: {person}"):
        evaluate(data, [touched], [SEEN, UNSEEN])
    stamped = evaluate(data, [touched], [SEEN], allow_overlap=True)
    assert all(person in " ".join(cell["contaminated"]) for cell in stamped["cells"])
    assert any(note.startswith("Contaminated") for note in stamped["notes"])


def test_a_generator_called_unseen_must_not_have_been_with_exposure(data: Dataset, trained: MethodCandidate) -> None:
    with pytest.raises(Problems, match="'alpha' is to be unseen, but training, selection used it"):
        evaluate(data, [trained], [UNSEEN], generators=["alpha"])
    for role in ("selection", "thresholds", "cohorts"):
        selected = _with_exposure(trained, role, generators="beta")
        with pytest.raises(Problems, match=f"'beta' is to be unseen, but {role} used it"):
            evaluate(data, [selected], [UNSEEN], generators=["beta"])
    stamped = evaluate(data, [selected], [UNSEEN], generators=["beta"], allow_overlap=True)
    assert stamped["cells"][0]["contaminated"]


def test_another_window_length_is_refused(data: Dataset, trained: MethodCandidate) -> None:
    other = Protocol(name="other", time={"window": 80})
    with pytest.raises(NvfairError, match="trained on windows"):
        evaluate(data, [trained], [other])


class _Page(HTMLParser):
    """Collects what a page would fetch, its text, and unclosed tags."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br", "img", "link", "polyline", "line", "circle"):
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href") and not (value or "").startswith("data:"):
                self.fetched.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_shows_the_figures_and_needs_nothing_else(
    results: dict[str, Any], data: Dataset, tmp_path: Path
) -> None:
    write_report(tmp_path / "index.html", results, data)
    html = (tmp_path / "index.html").read_text()
    page = _Page()
    page.feed(html)
    text = re.sub(r"\s+", " ", " ".join(page.text))
    assert page.fetched == []
    assert page.open == []
    assert "<script" not in html
    for cell in results["cells"]:
        assert f"{cell['auc_mean']['value']:.3f}" in text
    for control in results["controls"]:
        assert f"{control['auc_mean']['value']:.3f}" in text
    for words in (SEEN.digest, "Published figures, for orientation", "within the toy family", "render_failed"):
        assert words in text


def test_methods_of_different_kinds_are_not_averaged_into_one_headline(results: dict[str, Any], tmp_path: Path) -> None:
    mixed = json.loads(json.dumps(results))
    mixed["methods"]["other"] = {**mixed["methods"]["alpha-run"], "input": "still"}
    cell = next(c for c in mixed["cells"] if c["relation"] == "seen")
    cell["auc_mean"]["value"] = 0.9
    other = json.loads(json.dumps(cell))
    other["method"], other["auc_mean"]["value"] = "other", 0.5
    mixed["cells"].append(other)
    write_report(tmp_path / "mixed.html", mixed)
    heads = re.findall(r'class="figure">([0-9.]+)<', (tmp_path / "mixed.html").read_text())
    assert heads[0] == "0.900"
    assert heads[-1] == "0.500"


def test_a_shortcut_that_comes_near_is_said_in_words_and_red(results: dict[str, Any], tmp_path: Path) -> None:
    near = json.loads(json.dumps(results))
    for cell in near["cells"]:
        cell["margin"]["near"] = True
    write_report(tmp_path / "near.html", near)
    html = (tmp_path / "near.html").read_text()
    assert 'class="near' in html
    assert '<small class="bad">a shortcut comes near</small>' in html
    far = json.loads(json.dumps(results))
    for cell in far["cells"]:
        cell["margin"]["near"] = False
    write_report(tmp_path / "far.html", far)
    assert '<small class="bad">a shortcut comes near</small>' not in (tmp_path / "far.html").read_text()


def test_names_from_data_sets_cannot_inject_markup(results: dict[str, Any], tmp_path: Path) -> None:
    hostile = json.loads(json.dumps(results))
    hostile["data"]["name"] = "<script>alert(1)</script>"
    name = "<img src=x onerror=alert(1)>"
    hostile["methods"][name] = hostile["methods"]["alpha-run"]
    hostile["cells"][0]["method"] = name
    write_report(tmp_path / "x.html", hostile)
    html = (tmp_path / "x.html").read_text()
    assert "<script>alert" not in html
    assert "<img src=x" not in html


def test_the_markdown_holds_every_figure_and_no_markup_of_others(results: dict[str, Any], tmp_path: Path) -> None:
    hostile = json.loads(json.dumps(results))
    hostile["data"]["name"] = "a|b\n<script>"
    write_markdown(tmp_path / "r.md", hostile)
    text = (tmp_path / "r.md").read_text()
    assert "<script>" not in text
    for cell in results["cells"]:
        assert f"{cell['auc_mean']['value']:.3f} (" in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\\\)\|", line)) >= 5


def test_results_are_json_without_nan(results: dict[str, Any], tmp_path: Path) -> None:
    write_results(tmp_path / "results.json", results)
    assert json.loads((tmp_path / "results.json").read_text())["format_version"] == 2


def _run(*arguments: str, code: int = 0) -> str:
    from nvfair_tools.cli import cli

    result = CliRunner().invoke(cli, list(arguments))
    if code == 0 and result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code
    return result.output


def test_the_commands_go_from_a_data_set_to_a_report(data: Dataset, tmp_path: Path) -> None:
    run, out = tmp_path / "beta-run", tmp_path / "report"
    _run(
        "train", str(data.folder), str(run), "-g", "beta", "--windows", "64", "--batch", "16", "--drivers", "3",
        "--width", "16", "--validate-every", "64", "--device", "cpu",
    )  # fmt: skip
    assert (run / RECORD_FILE).exists()
    text = _run("evaluate", str(data.folder), "--checkpoint", str(run), "--out", str(out), "--device", "cpu")
    assert "beta-run on beta (seen)" in text
    assert (out / "index.html").exists()
    assert len(json.loads((out / "results.json").read_text())["cells"]) == 2


def test_the_matrix_is_one_command_and_goes_on_where_it_stopped(data: Dataset, tmp_path: Path) -> None:
    words = ["matrix", str(data.folder), str(tmp_path), "--windows", "32", "--batch", "16", "--drivers", "3"]
    words += ["--width", "16", "--validate-every", "32", "--device", "cpu"]
    text = _run(*words)
    cells = json.loads((tmp_path / "report" / "results.json").read_text())["cells"]
    names = ("alpha", "beta")
    assert {(c["method"], c["generator"]) for c in cells} == {(a, b) for a in names for b in names}
    assert "2 x 2 cells" in text
    written = (tmp_path / "alpha" / RECORD_FILE).stat().st_mtime_ns
    _run(*words)
    assert (tmp_path / "alpha" / RECORD_FILE).stat().st_mtime_ns == written


def test_the_matrix_refuses_a_generator_of_its_own(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(NvfairError, match="every generator in turn"):
        _run("matrix", str(data.folder), str(tmp_path), "-g", "alpha")
