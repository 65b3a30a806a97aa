"""Names of earlier versions: data that hold them still work, imports say where the module is now."""

from __future__ import annotations

import importlib
import importlib.util

import pytest

from nvfair_tools.moved import MOVED, current_path


@pytest.mark.parametrize("present", sorted(set(MOVED.values())))
def test_every_present_name_is_a_module(present: str) -> None:
    assert importlib.util.find_spec(present) is not None


# Some former modules gave their name to a room; what they held is asked for below.
ROOMS = {present.rpartition(".")[0] for present in MOVED.values()}


@pytest.mark.parametrize("former", sorted(set(MOVED) - ROOMS))
def test_the_import_of_a_former_module_names_the_present_one(former: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=MOVED[former].replace(".", r"\.")):
        importlib.import_module(former)


def test_a_former_name_of_a_module_that_is_a_room_now_says_where_it_is() -> None:
    with pytest.raises(ImportError, match=r"benchmark\.metrics\.auc is now benchmark\.metrics\.roc\.auc"):
        from benchmark.metrics import auc  # noqa: F401
    with pytest.raises(ImportError, match="cannot import name 'never_was'"):
        from benchmark.metrics import never_was  # noqa: F401


def test_dotted_paths_in_data_are_translated() -> None:
    assert current_path("benchmark.temporal_cnn:TemporalCnn") == "benchmark.methods.temporal_cnn:TemporalCnn"
    assert current_path("benchmark.train.train") == "benchmark.training.loop.train"
    assert current_path("somebody.elses:Method") == "somebody.elses:Method"
