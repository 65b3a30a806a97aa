"""Options by keyword: what the caller names wins, then what the network recommends, then the defaults."""

from __future__ import annotations

import pytest

from benchmark.methods.train_options import Augmentation, LossOptions, TrainOptions
from benchmark.training.keyword_options import options_from_keywords
from nvfair_tools.errors import NvfairError


def test_a_network_without_recommendations_takes_the_defaults() -> None:
    assert options_from_keywords("warp-dense", method="temporal-cnn") == TrainOptions(("warp-dense",))
    assert options_from_keywords(["a", "b"]).generators == ("a", "b")


def test_the_default_network_is_the_known_relative_unless_an_option_of_the_temporal_cnn_is_named() -> None:
    options = options_from_keywords("a")
    assert (options.method, options.optimiser, options.learning_rate, options.batch) == (
        "nvfair-relative",
        "adam",
        1e-4,
        128,
    )
    for name, value in (("width", 64), ("input", "still"), ("dropout", 0.1), ("scale", "box"), ("embedding", 8)):
        options = options_from_keywords("a", **{name: value})
        assert options == TrainOptions(("a",), **{name: value})
        assert options.method == "temporal-cnn"
    assert options_from_keywords("a", windows=9, sizes={"width": 8}).method == "nvfair-relative"


def test_the_recommendations_of_a_network_hold_where_nothing_else_is_named() -> None:
    assert options_from_keywords(["a"], method="graph-network") == TrainOptions(
        ("a",),
        method="graph-network",
        loss=LossOptions("triplet", margin=0.1, negatives="any"),
        optimiser="adam",
        schedule="drop",
        learning_rate=0.01,
        weight_decay=1e-5,
        warm_up=0.0,
        batch=128,
    )


def test_a_loss_in_a_published_setting_is_named_and_keeps_its_name() -> None:
    loss = options_from_keywords("a", loss="re-implementation").loss
    assert loss == LossOptions("fingerprint", tau=0.5, scale="batch", include_self=True, share_driving_clip=True)
    assert loss.label == "re-implementation"
    assert options_from_keywords("a", method="graph-network", loss="re-implementation").loss == loss
    assert LossOptions().label == "fingerprint"
    assert LossOptions(include_self=True).label == "fingerprint"
    assert LossOptions(include_self=True, share_driving_clip=True, tau=0.4).label == "fingerprint"
    with pytest.raises(NvfairError, match=r"'re-implementation' sets tau=0\.5(.|\n)*name the loss fingerprint"):
        LossOptions.named("re-implementation", tau=0.2)


def test_options_that_came_later_are_recorded_where_they_are_used_alone() -> None:
    """So that a run that was interrupted before they came goes on."""
    plain = TrainOptions(("a",)).to_json()
    assert "clip_gradients" not in plain
    assert "floor" not in plain["loss"]
    assert plain["augmentation"] == {"noise": 0.0, "speed": 0.0, "mirror": 0.0}
    used = options_from_keywords("a", method="trustfa").to_json()
    assert (used["clip_gradients"], used["loss"]["floor"]) == (1.0, 1e-8)


def test_named_values_win_over_recommendations() -> None:
    augmentation = Augmentation(noise=0.1)
    options = options_from_keywords(
        "a", method="graph-network", loss="supcon", learning_rate=0.5, augmentation=augmentation
    )
    assert options.loss == LossOptions("supcon", margin=0.1, negatives="any")
    assert (options.learning_rate, options.augmentation, options.batch) == (0.5, augmentation, 128)
    whole = LossOptions("triplet", margin=3.0)
    assert options_from_keywords("a", method="graph-network", loss=whole).loss == whole


def test_an_augmentation_is_named_or_made_of_single_values() -> None:
    named = options_from_keywords("a", augmentation="re-rendering").to_json()["augmentation"]
    assert named["re_rendering"] == {"gain": 0.2, "blend": 0.3, "smoothing": 1.0, "frozen": 0.02, "tracking": 1.0}
    assert options_from_keywords("a").augmentation == Augmentation()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"window": 5}, r"window is not an option of training(.|\n)*windows"),
        ({"method": "perceptron"}, r"'perceptron' is unknown(.|\n)*temporal-cnn"),
        ({"accumulate": 0}, r"accumulate is 0\n  expected: at least 1"),
        ({"batch": 0}, r"batch is 0\n  expected: at least 1"),
        ({"precision": "auto"}, r"precision 'auto' is unknown(.|\n)*bfloat16"),
        ({"clip_gradients": -1.0}, r"clip_gradients is -1.0\n  expected: at least 0"),
        ({"augmentation": "re-encoding"}, r"augmentation 're-encoding' is unknown(.|\n)*re-rendering"),
        ({"loss": "hinge"}, r"loss 'hinge' is unknown(.|\n)*supcon"),
        ({"schedule": "step"}, r"schedule 'step' is unknown(.|\n)*cosine"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_expected(values: dict, message: str) -> None:
    with pytest.raises(NvfairError, match=message):
        options_from_keywords("a", **values)
