"""Score normalisation in an evaluation: a second row, whose cohort is nobody of the test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import benchmark
from benchmark import protocols
from benchmark.evaluation.reproduce import write_bundle
from benchmark.methods.candidates import as_candidate
from benchmark.methods.cohorts import Cohort, NormalisedCandidate
from benchmark.methods.declaration import RoleExposure
from benchmark.methods.embedding_files import read_embeddings, video_embeddings, write_embeddings
from benchmark.methods.train_options import TrainOptions
from benchmark.metrics import roc
from benchmark.training.loop import train
from benchmark.trial_scores.score_normalisation import NormalisedScorer
from benchmark.trials.trials import make_trials
from benchmark.windows.window_set import read_windows
from nvfair_tools.cli import cli
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems
from tests.benchmark.small_world import World, make

SEEN = protocols.load("nvfair-seen")
OPTIONS = TrainOptions(generators=("alpha",), windows=64, batch=16, drivers=3, width=8, embedding=4, validate_every=64)
NORMALISED = "cnn, normalised by tested, nearest 9"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(tmp_path_factory.mktemp("data") / "tested", World(people=(4, 2, 3)))


@pytest.fixture(scope="module")
def run(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "cnn"
    train(data, out, OPTIONS, SEEN)
    return out


@pytest.fixture(scope="module")
def report(data: Dataset, run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    words = ["evaluate", str(data.folder), "--checkpoint", str(run), "--protocol", "nvfair-seen", "-g", "alpha"]
    words += ["--out", str(out), "--normalise-by", str(data.folder), "--nearest", "9"]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert NORMALISED in done.output
    return out


def embedded(data: Dataset, run: Path, out: Path, split: str) -> Path:
    words = ["embed", str(data.folder), str(out), "--checkpoint", str(run), "--split", split, "-g", "alpha"]
    assert CliRunner().invoke(cli, words, catch_exceptions=False).exit_code == 0
    return out


def test_each_method_has_a_second_row_whose_figures_follow_from_the_evidence(data: Dataset, report: Path) -> None:
    plain, normalised = benchmark.read_results(report / "results.json").cells
    assert (plain.method, normalised.method) == ("cnn", NORMALISED)
    assert normalised.relation == "seen"  # the cohort is by the generator of the training, by default
    videos = data.videos[(data.videos["split"] == "test") & (data.videos["generator"] == "alpha")]
    videos = videos.sort_values("video", ignore_index=True)
    test_file = report / "evidence" / plain.evidence
    cohort_file = report / "evidence" / f"{NORMALISED}-cohort.parquet"
    cohort_videos = data.videos[(data.videos["split"] == "train") & (data.videos["generator"] == "alpha")]["video"]
    scorer = NormalisedScorer(
        video_embeddings(read_embeddings(test_file), videos["video"].tolist()),
        video_embeddings(read_embeddings(cohort_file), cohort_videos.tolist()),
        SEEN.scoring,
        9,
    )
    scored = scorer.score_all(make_trials(videos, "alpha", SEEN.trials))
    aucs = [roc.auc(scores.genuine, scores.impostor) for scores in scored]
    assert normalised.figures.auc_mean.value == pytest.approx(np.mean(aucs))
    assert normalised.figures.auc_mean.value != plain.figures.auc_mean.value


def test_the_record_names_the_people_of_the_cohort_and_no_bundle_passes_for_the_row(
    data: Dataset, report: Path, tmp_path: Path
) -> None:
    record = benchmark.read_results(report / "results.json").methods[NORMALISED]
    assert record.people["cohorts"] == 4
    assert record.details["normalisation"] == {"cohort": "tested", "videos": 48, "nearest": 9}
    assert record.input_kind == "distances, normalised scores"
    with pytest.raises(NvfairError, match="do not travel in a bundle"):
        write_bundle(report, tmp_path / "bundle.zip", method=NORMALISED)


def test_people_of_the_test_are_no_cohort(data: Dataset, run: Path, tmp_path: Path) -> None:
    for cohort in (data.folder, embedded(data, run, tmp_path / "e.parquet", "test")):
        with pytest.raises(Problems, match=r"3 test people were in cohorts: toy:06, toy:07, toy:08"):
            benchmark.evaluate(
                data, run, protocols="nvfair-seen", normalise_by=cohort, cohort_split="test", generators=["alpha"]
            )


def test_a_file_of_other_people_normalises_as_their_data_set_does(data: Dataset, run: Path, tmp_path: Path) -> None:
    method = as_candidate(run)
    by_file = Cohort.read(embedded(data, run, tmp_path / "cohort.parquet", "validation"))
    by_data = Cohort.embed(method, data, SEEN, "validation")
    assert (by_file.name, by_data.name) == ("cohort", "tested")
    assert by_file.exposure == by_data.exposure == RoleExposure.from_videos(*[["toy:04", "toy:05"]] * 2, ["alpha"])
    np.testing.assert_array_equal(by_file.embeddings.video_ids, by_data.embeddings.video_ids)
    np.testing.assert_allclose(by_file.embeddings.video_means(), by_data.embeddings.video_means(), atol=1e-6)
    by_both = Cohort.embed(method, data, SEEN, "train", ("alpha", "beta"))
    assert NormalisedCandidate(method, by_both).declaration.relation_to("beta") == "selected"


def test_a_cohort_of_unknown_people_other_windows_or_another_checkpoint_is_refused(
    data: Dataset, run: Path, tmp_path: Path
) -> None:
    windows = read_windows(data, SEEN, videos=data.videos["video"][:4])
    write_embeddings(tmp_path / "bare.parquet", windows, np.ones((len(windows), 4)), {})
    with pytest.raises(NvfairError, match="does not say whom its videos show"):
        Cohort.read(tmp_path / "bare.parquet")
    read = Cohort.read(embedded(data, run, tmp_path / "cohort.parquet", "train"))
    NormalisedCandidate(as_candidate(run), read)
    with pytest.raises(NvfairError, match="embedded by another checkpoint than cnn"):
        NormalisedCandidate(as_candidate(run), replace(read, checkpoint="0" * 64))
    candidate = NormalisedCandidate(as_candidate(run), Cohort.embed(as_candidate(run), data, SEEN, "train"))
    other_windows = SEEN.model_copy(update={"time": SEEN.time.model_copy(update={"stride": 20})})
    with pytest.raises(NvfairError):
        candidate.check_protocol(other_windows)
    candidate.check_protocol(SEEN)
    with pytest.raises(NvfairError, match="no reenactment in split 'nobody'"):
        Cohort.embed(as_candidate(run), data, SEEN, "nobody")
