"""A key or a column that stands twice is refused in every file that people write."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.evaluation.results import read_results
from benchmark.methods.checkpoint import load_checkpoint
from benchmark.methods.declaration import read_declaration
from benchmark.methods.embedding_files import table_columns
from benchmark.protocols.reading import read_protocol
from benchmark.trials.pair_lists import read_pair_list
from leaderboard.hidden.blind_key import read_key
from leaderboard.settings import read_settings as read_board_settings
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.recipe.recipe import load_recipe
from nvfair_tools.releases.settings import load_settings as load_release_settings
from nvfair_tools.simulate.settings import CohortSettings
from nvfair_tools.unique_keys import load_unique_json, load_unique_yaml

RECIPE = """\
name: test
output: out
sources:
  - csv: clips.csv
    defaults:
      permitted_use: viewing only
      permitted_use: research
rights: {render_if: [research]}
generators: [{name: warp-dense}]
"""


@pytest.mark.parametrize(
    ("read", "text", "key"),
    [
        (load_recipe, RECIPE, "permitted_use"),
        (load_release_settings, "consent: asked\nconsent: not asked\n", "consent"),
        (CohortSettings.read, "seed: 1\nclips: 2\nseed: 3\n", "seed"),
        (read_declaration, "training: {people: [a:1]}\ntraining: {people: []}\n", "training"),
        (read_board_settings, "title: a\ntitle: b\n", "title"),
    ],
)
def test_a_key_that_is_given_twice_is_refused_by_name(tmp_path: Path, read: Callable[[Path], Any], text, key) -> None:
    (tmp_path / "file.yaml").write_text(text)
    with pytest.raises(NvfairError, match=f"the key '{key}' is given twice"):
        read(tmp_path / "file.yaml")


def test_the_same_key_in_two_mappings_is_two_keys():
    assert load_unique_yaml("a: {x: 1}\nb: {x: 2}\n") == {"a": {"x": 1}, "b": {"x": 2}}


@pytest.mark.parametrize(
    ("read", "file"),
    [
        (read_protocol, "protocol.json"),
        (read_results, "results.json"),
        (read_key, "key.json"),
        (lambda path: load_checkpoint(path.parent), "checkpoint.json"),
        (lambda path: Dataset.open(path.parent), "dataset.json"),
    ],
)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": {"rule": 1, "seed": 0, "rule": 2}}', "the key 'rule' is given twice"),
        (b'{"a": "\xe9"}', "utf-8"),
        (b'{"a": ', "Expecting value"),
    ],
)
def test_json_with_a_key_twice_or_no_json_at_all_is_refused(
    tmp_path: Path, read: Callable[[Path], Any], file: str, content: bytes, message: str
) -> None:
    (tmp_path / file).write_bytes(content)
    with pytest.raises(NvfairError, match=message):
        read(tmp_path / file)


def test_the_same_key_in_two_json_objects_is_two_keys():
    assert load_unique_json('{"a": {"x": 1}, "b": [{"x": 2}, {"x": 3}]}') == {"a": {"x": 1}, "b": [{"x": 2}, {"x": 3}]}


@pytest.mark.parametrize(
    ("read", "header", "column"),
    [
        (table_columns, "trial,score,score", "score"),
        (read_pair_list, "enrolment_sample,test_sample,label,label", "label"),
    ],
)
def test_a_table_with_a_column_twice_is_refused(
    tmp_path: Path, read: Callable[[Path], Any], header: str, column: str
) -> None:
    (tmp_path / "table.csv").write_text(f"{header}\na,b,1,0\n")
    with pytest.raises(NvfairError, match=f"the column {column}"):
        read(tmp_path / "table.csv")
