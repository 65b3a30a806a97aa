"""The YAML of a card is checked as the Hub will: wrong values are named, and the card of a build has none."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nvfair_tools.dataset.describing.card_metadata import hub_problems, metadata_problems, size_category
from nvfair_tools.errors import NvfairError

datasets = pytest.importorskip("datasets")

SOUND: dict[str, Any] = {
    "pretty_name": "toy",
    "license": "other",
    "license_name": "see-licence-columns",
    "tags": ["landmarks"],
    "size_categories": ["1K<n<10K"],
    "configs": [{"config_name": "frames", "default": True, "data_files": [{"split": "test", "path": "a.parquet"}]}],
}


def write(folder: Path, text: str) -> Path:
    (folder / "README.md").write_text(text)
    return folder / "README.md"


def card(folder: Path, **changes: Any) -> Path:
    content = {key: value for key, value in {**SOUND, **changes}.items() if value is not None}
    return write(folder, f"---\n{yaml.safe_dump(content)}---\n# Toy\n")


def test_a_sound_card_has_no_problem(tmp_path: Path) -> None:
    assert metadata_problems(card(tmp_path), 5_000) == []
    full = card(tmp_path, license=["cc-by-4.0", "mit"], task_categories=["video-classification"], language=["en"])
    assert metadata_problems(full, 5_000) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"license": "CC BY 4.0"}, "license 'CC BY 4.0' is none of the Hub's"),
        ({"license": None}, "license is missing"),
        ({"license_name": None}, "license is `other`, but license_name does not say which"),
        ({"pretty_name": 7}, "pretty_name is 7, not a text"),
        ({"size_categories": ["n>1M"]}, "size_categories holds 'n>1M', which is none of the Hub's"),
        ({"size_categories": ["n<1K"]}, "size_categories is ['n<1K'], but 5,000 rows are 1K<n<10K"),
        ({"task_categories": ["fingerprinting"]}, "task_categories holds 'fingerprinting'"),
        ({"language": ["english"]}, "language holds 'english'"),
        ({"tags": ["a", "a"]}, "tags holds 'a' more than once"),
        ({"tags": [1]}, "tags holds 1, not a text"),
        ({"configs": [{"data_files": "x"}]}, "configs: Each config must include `config_name`"),
        ({"configs": [{"config_name": "a", "data_files": [{"split": "x"}]}]}, "configs: "),
        (
            {"configs": [{"config_name": "a", "default": True}, {"config_name": "b", "default": True}]},
            "several default",
        ),
        ({"configs": [{"config_name": "a"}, {"config_name": "a"}]}, "configs: a is there twice"),
    ],
)
def test_what_the_hub_does_not_take_is_named(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    problems = metadata_problems(card(tmp_path, **changes), 5_000)
    assert [text for text in problems if problem in text], problems


def test_a_card_without_or_with_broken_yaml(tmp_path: Path) -> None:
    assert metadata_problems(write(tmp_path, "# Toy\n")) == ["there is no YAML between two lines `---` at the head"]
    (problem,) = metadata_problems(write(tmp_path, "---\na: [\n---\n"))
    assert problem.startswith("the YAML cannot be parsed: while parsing")
    (problem,) = metadata_problems(write(tmp_path, "---\n- a\n---\n"))
    assert "should be a dict" in problem
    (tmp_path / "README.md").unlink()
    with pytest.raises(NvfairError, match="the data set has no card"):
        metadata_problems(tmp_path / "README.md")


def test_size_categories_are_those_of_the_hub() -> None:
    from datasets.utils import resources

    known = json.loads((Path(resources.__file__).parent / "size_categories.json").read_text())
    assert [size_category(10**power) for power in range(2, 13)] == known[1:]
    assert size_category(999) == "n<1K"
    assert size_category(1_000) == "1K<n<10K"


class _Validator(http.server.BaseHTTPRequestHandler):
    """Answers as the Hub's validator does: 400 with the reason in words where the content has a wrong word."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_right = (
            self.path == "/api/validate-yaml" and body["repoType"] == "dataset" and "wrong" not in body["content"]
        )
        self.send_response(200 if is_right else 400)
        self.end_headers()
        self.wfile.write(b"" if is_right else b"tags: must not be wrong")

    def log_message(self, *_: object) -> None:
        """Prints nothing into the output of the tests."""


@pytest.fixture
def validator(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from huggingface_hub import constants

    server = http.server.HTTPServer(("127.0.0.1", 0), _Validator)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()


def test_what_the_hubs_own_validator_says_is_passed_on(tmp_path: Path, validator: None) -> None:
    assert hub_problems(card(tmp_path)) == []
    assert hub_problems(card(tmp_path, tags=["wrong"])) == ["the Hub refuses the card: tags: must not be wrong"]


def test_without_the_network_the_validator_is_left_out_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(NvfairError, match="the Hub's validator cannot be asked"):
        hub_problems(card(tmp_path))
