"""An error says what, where, what was expected and how to fix it, also when it comes from another process."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from generators.errors import GeneratorError
from nvfair_tools.errors import MissingExtra, NvfairError, Problems, user_message
from nvfair_tools.media import MediaError


def test_the_message_names_only_what_is_known():
    assert str(NvfairError("odd")) == "odd"
    assert (
        str(NvfairError("odd", where="a.csv", expected="even", remedy="add one"))
        == "a.csv: odd\n  expected: even\n  to fix it: add one"
    )


@pytest.mark.parametrize(("count", "heading"), [(0, "0 problems"), (1, "1 problem\n"), (2, "2 problems\n")])
def test_problems_are_counted(count, heading):
    assert f"r.yaml: {heading}" in str(Problems("r.yaml", ["bad"] * count)) + "\n"


def test_a_thousand_problems_are_all_kept_and_the_first_are_shown():
    error = Problems("a.csv", [f"row {n}" for n in range(1000)], remedy="mend them")
    assert len(error.problems) == 1000
    lines = str(error).splitlines()
    assert lines[0] == "a.csv: 1,000 problems"
    assert "  - row 29" in lines
    assert "  - row 30" not in lines
    assert lines[-2:] == ["  ... and 970 more", "  to fix it: mend them"]


def test_what_belongs_to_a_problem_stands_further_in_than_the_next_problem():
    problem = NvfairError("odd", where="row 1", remedy="add one")
    nested = Problems("b.csv", [str(problem), "row 2"], remedy="mend them")
    lines = ["b.csv: 2 problems", "  - row 1: odd", "    to fix it: add one", "  - row 2", "  to fix it: mend them"]
    assert str(nested).splitlines() == lines


def test_a_missing_extra_says_what_to_install():
    assert "pip install 'nvfair-tools[train]'" in str(MissingExtra("torch", "train", "No module named 'torch'"))
    assert str(MissingExtra("psutil", "")).endswith("to fix it: pip install psutil")


ERRORS = [
    NvfairError("odd", where="a.csv", expected="even", remedy="add one"),
    Problems("a.csv", ["one", "two"], remedy="mend them"),
    MissingExtra("torch", "train", "why"),
    MediaError("unreadable", "clip.mp4", "no video in it", frames=3),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_with_all_it_says(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


@pytest.mark.parametrize(
    "error", [*ERRORS, GeneratorError("weights are missing")], ids=lambda error: type(error).__name__
)
def test_errors_that_a_user_can_correct_have_a_message_for_the_user(error):
    assert user_message(error) == str(error)


class ForeignError(Exception):
    """An error class that this package does not know."""

    is_user_error = True


def test_an_error_for_the_user_is_recognised_by_its_attribute_not_by_its_class_name():
    assert user_message(ForeignError("odd")) == "odd"
    namesake = type("GeneratorError", (Exception,), {})
    assert user_message(namesake("a fault in our code")) is None
    assert user_message(type("NvfairError", (Exception,), {})("a fault in our code")) is None


def _fail():
    raise MissingExtra("torch", "train")


def test_an_error_raised_in_another_process_arrives_as_it_is():
    with ProcessPoolExecutor(1, get_context("spawn")) as pool, pytest.raises(MissingExtra, match="nvfair-tools"):
        pool.submit(_fail).result()
