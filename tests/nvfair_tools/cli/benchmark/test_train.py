"""`nvfair train`: options reach the training, a network's own recommendations are its defaults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nvfair_tools.cli import cli
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from tests.benchmark.small_world import World, make

SMALL = ["-g", "alpha", "--windows", "64", "--batch", "16", "--drivers", "3", "--device", "cpu"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(tmp_path_factory.mktemp("data"), World(mesh=True, generators=("alpha",)))


def run(data: Dataset, out: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["train", str(data.folder), str(out), *SMALL, *words], catch_exceptions=False)


def options(out: Path) -> dict:
    return json.loads((out / "checkpoint.json").read_text())["options"]


def test_every_option_reaches_the_training(data: Dataset, tmp_path: Path) -> None:
    words = (
        "--input coordinates --scale box --width 8 --embedding 4 --dilations 1,2 --dropout 0.1 --accumulate 2 "
        "--loss-scale 0.7 --tau 0.3 --include-self --shuffle-weight 0.5 --optimiser adam --schedule constant "
        "--learning-rate 0.001 --weight-decay 0.02 --warm-up 0.1 --noise 0.001 --speed 0.1 --mirror 0.5 --patience 3 "
        "--least-gain 0.004 "
        "--validate-every 32 --precision bfloat16 --frames stream --seed 4"
    )
    done = run(data, tmp_path, *words.split(), "--tensorboard", str(tmp_path.parent / "logs"))
    assert done.exit_code == 0, done.output
    result = options(tmp_path)
    expected = {
        "input": "coordinates", "scale": "box", "width": 8, "embedding": 4, "dilations": [1, 2], "dropout": 0.1,
        "accumulate": 2, "optimiser": "adam", "schedule": "constant", "learning_rate": 0.001, "weight_decay": 0.02,
        "warm_up": 0.1, "patience": 3, "least_gain": 0.004, "validate_every": 32, "precision": "bfloat16",
        "seed": 4, "windows": 64,
    }  # fmt: skip
    assert {key: result[key] for key in expected} == expected
    assert result["augmentation"] == {"noise": 0.001, "speed": 0.1, "mirror": 0.5}
    stored = {key: result["loss"][key] for key in ("scale", "tau", "include_self", "shuffle_weight", "kind")}
    assert stored == {"scale": "0.7", "tau": 0.3, "include_self": True, "shuffle_weight": 0.5, "kind": "fingerprint"}
    assert list((tmp_path.parent / "logs").glob("events*"))


def test_augmentation_is_a_preset_or_single_values_and_never_both(data: Dataset, tmp_path: Path) -> None:
    assert run(data, tmp_path / "a", "--width", "8", "--augment", "re-rendering", "--noise", "0.001").exit_code == 0
    stored = options(tmp_path / "a")["augmentation"]
    assert stored["noise"] == 0.001
    assert stored["re_rendering"] == {"gain": 0.2, "blend": 0.3, "smoothing": 1.0, "frozen": 0.02, "tracking": 1.0}
    assert run(data, tmp_path / "b", "--width", "8", "--gain", "0.1", "--tracking", "0.5").exit_code == 0
    single = {"gain": 0.1, "blend": 0.0, "smoothing": 0.0, "frozen": 0.0, "tracking": 0.5}
    assert options(tmp_path / "b")["augmentation"]["re_rendering"] == single
    refused = run(data, tmp_path / "c", "--augment", "re-rendering", "--gain", "0.1")
    assert refused.exit_code == 2
    assert "--augment re-rendering sets --gain" in refused.output


def test_a_networks_own_recommendations_are_its_defaults(data: Dataset, tmp_path: Path) -> None:
    graph = ("--method", "graph-network", "--size", "hidden=4", "--size", "embedding=8")
    assert run(data, tmp_path / "a", *graph, "--margin", "0.5").exit_code == 0
    result = options(tmp_path / "a")
    assert (result["loss"]["kind"], result["loss"]["negatives"], result["loss"]["margin"]) == ("triplet", "any", 0.5)
    assert (result["optimiser"], result["learning_rate"], result["batch"]) == ("adam", 0.01, 16)
    assert result["sizes"] == {"hidden": 4, "embedding": 8}


def test_the_default_is_the_known_relative_of_the_papers_baseline(data: Dataset, tmp_path: Path) -> None:
    done = run(data, tmp_path / "a", "--size", "width=32", "--size", "embedding=4")
    assert "nvfair-relative, validation AUC" in done.output
    record = json.loads((tmp_path / "a" / "checkpoint.json").read_text())
    assert (record["method"], record["options"]["learning_rate"]) == ("nvfair-relative", 1e-4)
    assert "temporal-cnn, validation AUC" in run(data, tmp_path / "b", "--width", "8", "--embedding", "4").output


def test_a_loss_in_a_published_setting_brings_its_options(data: Dataset, tmp_path: Path) -> None:
    small = ("--width", "8", "--embedding", "4", "--clip-gradients", "0.5")
    assert run(data, tmp_path / "a", *small, "--loss", "re-implementation").exit_code == 0
    result = options(tmp_path / "a")
    assert result["clip_gradients"] == 0.5
    stored = {key: result["loss"][key] for key in ("kind", "tau", "scale", "include_self", "share_driving_clip")}
    assert stored == {
        "kind": "fingerprint", "tau": 0.5, "scale": "batch", "include_self": True, "share_driving_clip": True,
    }  # fmt: skip
    assert run(data, tmp_path / "b", *small, "--loss", "supcon", "--negatives", "any").exit_code == 0
    loss = options(tmp_path / "b")["loss"]
    assert (loss["kind"], loss["negatives"], loss["share_driving_clip"]) == ("supcon", "any", False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--loss", "re-implementation", "--tau", "0.3"), "--loss re-implementation sets --tau"),
        (("--method", "graph-network", "--width", "3"), "for the temporal CNN alone"),
        (("--method", "graph-network", "--size", "hidden"), "expected NAME=VALUE"),
        (("--dilations", "1,x"), "whole numbers"),
        (("--loss-scale", "wide"), "a positive number"),
        (("--method", "graph-network", "--size", "hidden=-3"), "hidden=-3"),
        (("--method", "graph-network", "--size", "hidden=wide"), "hidden='wide'"),
        (("--width", "8", "--size", "hidden=3"), "for other networks"),
        (("--size", "hidden=3"), "nvfair-relative has no size called hidden"),
        (("--method", "attention-network"), "which no data set holds"),
    ],
)
def test_mistakes_are_told(data: Dataset, tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    words = ("train", str(data.folder), str(tmp_path), *SMALL, *words)
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == (1 if isinstance(done.exception, NvfairError) else 2)
    assert message in f"{done.output}{done.exception}"
