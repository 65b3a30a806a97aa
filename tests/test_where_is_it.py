"""The list "Where is it?" of CONTRIBUTING.md answers its questions with folders and files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOPICS = ("loss", "metric", "interval", "trials", "protocol's JSON", "checkpoint") + (
    "submission",
    "row in the database",
    "face",
    "video",
    "plan of pairs",
    "rights",
)


def answers(text: str) -> dict[str, list[str]]:
    """{question: paths of its answer, folder and file joined} of the numbered list under "Where is it?"."""
    section = re.split(r"^## ", text.split("## Where is it?\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    paths_by_question = {}
    for item in re.split(r"^\d+\. ", section, flags=re.MULTILINE)[1:]:
        question, _, answer = item.partition("?")
        folder, paths = "", []
        for name in re.findall(r"`([^`\s]+)`", answer):
            if name.endswith("/"):
                folder = name
            else:
                paths.append(folder + name)
        paths_by_question[question] = paths
    return paths_by_question


ANSWERS = answers((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))


def test_the_list_asks_its_twelve_questions_in_order():
    assert len(ANSWERS) == len(TOPICS)
    assert [topic for topic, question in zip(TOPICS, ANSWERS, strict=True) if topic not in question] == []


@pytest.mark.parametrize("question", ANSWERS)
def test_every_answer_is_a_file_in_at_most_two_looks(question):
    paths = ANSWERS[question]
    assert paths
    assert [path for path in paths if not (ROOT / path).is_file()] == []


def test_a_file_that_does_not_exist_is_noticed():
    page = "## Where is it?\n\n1. Where is the loss? `benchmark/training/` -> `loss.py` (others: `log.py`)\n\n## Next\n"
    assert answers(page) == {"Where is the loss": ["benchmark/training/loss.py", "benchmark/training/log.py"]}
