"""The attention network's recipe is that of the notes, and a training by it does what it says."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from benchmark.evaluation.avaprintdb.listed_pairs import evaluate_list
from benchmark.methods.avaprintdb.attention_network import AttentionNetwork
from benchmark.methods.avaprintdb.published_attention import FeatureFiles
from benchmark.methods.checkpoint import RECORD_FILE, WEIGHTS_FILE, load_checkpoint
from benchmark.training.avaprintdb.attention_recipe import AttentionRecipe, _AttentionTrainer, train_attention
from benchmark.training.avaprintdb.companions import CompanionGroups
from benchmark.training.avaprintdb.dev_videos import ATTENTION_VALIDATION_PEOPLE, DevVideos
from benchmark.training.avaprintdb.hardest_pair_loss import anchor_distances, hardest_pair_loss
from benchmark.training.keyword_options import options_from_keywords
from benchmark.trials.pair_lists import read_pair_list
from nvfair_tools.cli import cli
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.avaprintdb_files import TEST_PEOPLE
from tests.benchmark.avaprintdb_tree import FEATURE_DEV, write_features, write_list

SMALL = AttentionRecipe(window=20, epochs=6, batch=8)
HELD = ("cremad:1016", "cremad:1025")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("features")
    write_list(root / "evaluation_pairs_CREMA-D_GAGA.csv", write_features(root, "clip", frames=66))
    return root


@pytest.fixture(scope="module")
def files(tree: Path) -> FeatureFiles:
    return FeatureFiles(tree, "clip")


def test_the_default_is_what_the_notes_say() -> None:
    recipe = AttentionRecipe()
    assert (recipe.window, recipe.batch, recipe.companions, recipe.margin) == (60, 32, 6, 0.3)
    assert (recipe.learning_rate, recipe.weight_decay, recipe.epochs) == (1e-4, 5e-5, 100)
    assert [recipe.rate(epoch) for epoch in (0, 50, 99)] == [1e-4] * 3
    assert [epoch + 1 for epoch in range(12) if recipe.validates(epoch)] == [1, 5, 10]
    assert (recipe.label, replace(recipe, seed=4).label) == ("avaprintdb-attention",) * 2
    assert SMALL.label == "avaprintdb-attention, changed"
    with pytest.raises(NvfairError, match="companions is 0"):
        AttentionRecipe(companions=0)


def test_the_authors_validation_people_are_those_of_the_notes_and_all_of_dev(shared: Path) -> None:
    text = (shared / "methods" / "NOTES.md").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("* Their split: CREMA-D train (48)"))
    cremad, ravdess = line.split("RAVDESS train (12)")
    assert ATTENTION_VALIDATION_PEOPLE["cremad"] == {f"cremad:{name}" for name in re.findall(r"C(1\d{3})", cremad)}
    assert ATTENTION_VALIDATION_PEOPLE["ravdess"] == {
        f"ravdess:{name}" for name in re.findall(r"Actor_(\d\d)", ravdess)
    }
    for collection, people in ATTENTION_VALIDATION_PEOPLE.items():
        assert not people & TEST_PEOPLE[collection]
        assert len(people) == {"cremad": 13, "ravdess": 4}[collection]


def test_companions_are_of_the_four_groups(files: FeatureFiles) -> None:
    videos = DevVideos.read(files, "cremad", "GAGA", 20)
    groups = CompanionGroups(videos)
    drawn = groups.draw(np.random.default_rng(1), 2)
    assert sorted(drawn.anchors) == list(range(len(videos.names)))
    for anchor, positives, negatives in zip(drawn.anchors, drawn.positives, drawn.negatives, strict=True):
        name = videos.names[anchor]
        kinds = [
            [(videos.names[n].driver == name.driver, videos.names[n].target == name.target) for n in numbers]
            for numbers in (positives, negatives)
        ]
        assert kinds == [[(True, True)] * 2 + [(True, False)] * 2, [(False, True)] * 2 + [(False, False)] * 2]
        assert len({*positives}) == len({*negatives}) == 4, "no repetition where a group has enough"
    assert groups.with_empty_group == 0
    single = groups.draw(np.random.default_rng(1), 1)
    assert 6 < (single.positives[:, 0] == single.anchors).sum() < 30, "the anchor itself is one of two in its group"
    rows = drawn.rows(3, 5)
    np.testing.assert_array_equal(rows, np.c_[drawn.anchors, drawn.positives, drawn.negatives][3:5])
    same = groups.draw_same_face(np.random.default_rng(1), 7)
    assert same.positives.shape == (len(videos.names), 7), "more than a group has: with repetition"
    assert all(
        videos.names[n].target == videos.names[anchor].target
        and (videos.names[n].driver == videos.names[anchor].driver) == (side == 0)
        for anchor, *sides in zip(same.anchors, same.positives, same.negatives, strict=True)
        for side, numbers in enumerate(sides)
        for n in numbers
    )


def test_an_empty_group_is_replaced_by_its_partner_and_counted(files: FeatureFiles) -> None:
    videos = DevVideos.read(files, "cremad", "GAGA", 20)
    own = videos._only(name.driver == name.target for name in videos.names)
    groups = CompanionGroups(own)
    drawn = groups.draw(np.random.default_rng(0), 3)
    for anchor, numbers in zip(drawn.anchors, drawn.positives, strict=True):
        assert {own.names[n].driver for n in numbers} == {own.names[anchor].driver}
    assert groups.with_empty_group == len(own.names)
    with pytest.raises(NvfairError, match="no two validation people drive one face"):
        groups.draw_same_face(np.random.default_rng(0), 3)
    with pytest.raises(NvfairError, match="all videos have one driver"):
        CompanionGroups(own._only(name.driver == own.names[0].driver for name in own.names)).draw(
            np.random.default_rng(0), 3
        )


def test_each_video_has_one_window_that_stays_and_starts_vary(files: FeatureFiles) -> None:
    videos = DevVideos.read(files, "cremad", "GAGA", 20, window_seed=0)
    again = DevVideos.read(files, "cremad", "GAGA", 20, window_seed=0)
    starts = []
    for name, window, same in zip(videos.names, videos.points, again.points, strict=True):
        frames = files.read(name.stem).points
        assert window.shape == (20, 768)
        torch.testing.assert_close(window, same, rtol=0, atol=0)
        (start,) = [at for at in range(len(frames) - 19) if np.array_equal(frames[at : at + 20], window.numpy())]
        starts.append(start)
    assert len(set(starts)) > 10
    assert 0 <= min(starts) < 10
    assert 36 < max(starts) <= 46


def test_a_step_in_parts_is_the_step_of_the_whole_batch(files: FeatureFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain gradient step on the whole batch, taken at once with nothing dropped, ends at the same weights."""
    import benchmark.training.avaprintdb.attention_recipe as module

    monkeypatch.setattr(module, "_ANCHORS_AT_ONCE", 3)
    videos = DevVideos.read(files, "cremad", "GAGA", 20, window_seed=0)
    count = len(videos.names)
    recipe = replace(SMALL, batch=count)
    torch.manual_seed(3)
    ours = AttentionNetwork(module.AttentionShape(768))
    for layer in ours.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0
    theirs = AttentionNetwork(ours.shape).eval()
    theirs.load_state_dict(ours.state_dict())
    trainer = _AttentionTrainer(recipe, videos, None, "cpu")
    loss = trainer.train_epoch(ours, torch.optim.SGD(ours.parameters(), lr=1.0), 2)
    drawn = trainer.groups.draw(np.random.default_rng([recipe.seed, 2]), recipe.companions)
    embeddings = theirs.attend(torch.stack(videos.points)).embedding
    expected = hardest_pair_loss(
        anchor_distances(embeddings[drawn.anchors], embeddings[drawn.positives]),
        anchor_distances(embeddings[drawn.anchors], embeddings[drawn.negatives]),
        0.3,
    )
    assert loss == pytest.approx(float(expected.detach()), abs=1e-5)
    for name, weight in theirs.named_parameters():
        (gradient,) = torch.autograd.grad(expected, weight, retain_graph=True)
        torch.testing.assert_close(
            dict(ours.named_parameters())[name],
            weight - gradient,
            rtol=0,
            atol=2e-3 * float(gradient.abs().max()) + 1e-7,
        )


def test_a_training_goes_on_where_it_stopped_and_is_scored_on_the_list(tree: Path, files: FeatureFiles, tmp_path: Path):
    whole = train_attention(files, tmp_path / "whole", "cremad", "GAGA", SMALL, validation_people=HELD, name="same")

    class Stop(Exception):
        pass

    def stop(done: int, total: int, text: str) -> None:
        assert total == 6
        if done == 3:
            raise Stop

    with pytest.raises(Stop):
        train_attention(
            files, tmp_path / "cut", "cremad", "GAGA", SMALL, validation_people=HELD, name="same", progress=stop
        )
    train_attention(files, tmp_path / "cut", "cremad", "GAGA", SMALL, validation_people=HELD, name="same")
    for file in (RECORD_FILE, WEIGHTS_FILE):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "cut" / file).read_bytes()
    record = json.loads((tmp_path / "whole" / RECORD_FILE).read_text())
    assert record["selection"]["metric"] == "loss on validation people"
    assert record["selection"]["step"] in (1, 5)
    assert record["options"]["recipe"] == "avaprintdb-attention, changed"
    assert record["feature"]["input"] == "clip features"
    loaded = load_checkpoint(tmp_path / "whole")
    assert loaded.declaration.selection.people == {*HELD}
    assert loaded.declaration.training.people == {f"cremad:{name[1:]}" for name in FEATURE_DEV} - {*HELD}
    windows = torch.randn(2, 20, 768)
    torch.testing.assert_close(loaded.network(windows)[0], whole.network(windows)[0], rtol=0, atol=0)
    pairs = read_pair_list(tree / "evaluation_pairs_CREMA-D_GAGA.csv")
    with pytest.raises(NvfairError, match="trained on windows of 20 frames"):
        evaluate_list(files, pairs, loaded)
    figures = evaluate_list(files, pairs, loaded, loaded.protocol)
    assert (figures.without_file, figures.too_short) == (0, 0)
    assert (figures.relation, figures.published, figures.undeclared) == ("matched", 86.4, ())
    assert loaded.protocol is not None
    assert figures.protocol == loaded.protocol.digest


def test_the_loss_falls_and_drivers_come_apart(files: FeatureFiles, tmp_path: Path) -> None:
    recipe = replace(SMALL, epochs=15, learning_rate=3e-3)
    made = train_attention(files, tmp_path / "run", "cremad", "GAGA", recipe, validation_people=())
    losses = [float(line.split(",")[2]) for line in (tmp_path / "run" / "log.csv").read_text().splitlines()[1:]]
    assert len(losses) == 15
    assert min(losses) < losses[0] / 2
    assert made.selection["metric"] == "training loss on all DEV people, nobody held out"
    looked_at = [losses[epoch] for epoch in range(15) if recipe.validates(epoch)]
    assert made.selection["training_loss"] == pytest.approx(min(looked_at), abs=1e-6)


def test_people_without_videos_test_people_and_data_sets_are_refused(files: FeatureFiles, tmp_path: Path) -> None:
    with pytest.raises(NvfairError, match=r"no video among the validation people alone has(.|\n)*--validation-people"):
        train_attention(files, tmp_path / "a", "cremad", "GAGA", SMALL)
    with pytest.raises(NvfairError, match="cremad:1003 among the validation people: TEST"):
        train_attention(files, tmp_path / "a", "cremad", "GAGA", SMALL, validation_people=["cremad:1003"])
    everybody = [f"cremad:{name[1:]}" for name in FEATURE_DEV]
    with pytest.raises(NvfairError, match="no video of 20 frames is left to train on: 0 are shorter"):
        train_attention(files, tmp_path / "a", "cremad", "GAGA", SMALL, validation_people=everybody)
    options = options_from_keywords("any", method="attention-network")
    with pytest.raises(NvfairError, match=r"which no data set holds(.|\n)*nvfair avaprintdb train"):
        AttentionNetwork.from_options(options, 60)


def test_the_command_trains_from_feature_files(tree: Path, tmp_path: Path) -> None:
    words = ["avaprintdb", "train", str(tree), str(tmp_path / "run"), "--collection", "cremad", "-g", "GAGA"]
    words += ["--features", "clip", "--epochs", "1", "--validation-people", "C1016,C1025"]
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert "recipe avaprintdb-attention, changed; validation loss" in result.output
    assert "at epoch 1 of 1" in result.output
    words = ["avaprintdb", "evaluate", str(tree), "--features", "clip", "--checkpoint", str(tmp_path / "run")]
    result = CliRunner().invoke(cli, [*words, "--list", str(tree)], catch_exceptions=False)
    assert "[matched]" in result.output
    assert "published 86.4" in result.output
    landmarks = tmp_path / "a.pt"
    landmarks.touch()
    words = ["avaprintdb", "train", str(tree), str(tmp_path / "b"), "--collection", "cremad", "-g", "GAGA"]
    result = CliRunner().invoke(cli, [*words, "--features", "clip", "--edges-of", str(landmarks)])
    assert "the attention network has no graph" in result.output
