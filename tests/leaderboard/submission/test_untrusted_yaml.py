"""YAML from strangers: what it may hold, and what is said of what it may not."""

import time
from pathlib import Path

import pytest
import yaml

from leaderboard.submission.untrusted_yaml import MAX_BYTES, read_yaml
from nvfair_tools.errors import NvfairError


def read(folder: Path, content: str | bytes) -> object:
    path = folder / "submission.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_yaml(path)


def test_aliases_that_a_writer_makes_of_shared_lists_are_read(tmp_path: Path) -> None:
    shared = ["alpha"]
    text = yaml.safe_dump({"a": shared, "b": shared})
    assert "*" in text
    assert read(tmp_path, text) == {"a": ["alpha"], "b": ["alpha"]}


def test_a_merge_key_and_a_mark_of_byte_order_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbfbase: &b {x: 1}\nmore: {<<: *b, y: 2}") == {
        "base": {"x": 1},
        "more": {"x": 1, "y": 2},
    }


def bomb() -> str:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bomb(), "20000 values with all aliases written out"),
        ("&a [*a]", "within what it repeats"),
        ("a: *b", "the alias *b"),
        ("[" * 100_000, "more than 12 levels"),
        ("- " * 100_000, "more than 12 levels"),
        ("? " * 100_000, "more than 12 levels"),
        ("{a: " * 50_000, "more than 12 levels"),
        ("- x\n" * 30_000, "20000 values"),
        ("a: 1\nb:\n  c: 1\n  c: 2", "line 4, column 3: the key 'c' is given twice"),
        ("a: " + "9" * 10_000, "so many digits"),
        ("a: 0x" + "f" * 10_000, "so many digits"),
        ("a: 2024-13-45", "month must be in 1..12"),
        ("a: !!python/object/apply:os.system [id]", "the tag 'tag:yaml.org,2002:python/object/apply:os.system'"),
        ("a: !!binary aGk=", "the tag"),
        ("a: [1", "a list in [ ] lacks a comma, or its end"),
        ("a: \x07", "special characters are not allowed"),
        ("x: Käse".encode("latin-1"), "line 1: byte 0xe4 is not UTF-8 (it may be Latin-1)"),
        ("x: 1".encode("utf-16"), "this is UTF-16 or UTF-32"),
        ("x: 1".encode("utf-16-be"), "this is UTF-16 or UTF-32"),
        ("x: 1".encode("utf-32"), "this is UTF-16 or UTF-32"),
        ("#" * (MAX_BYTES + 1), f"at most {MAX_BYTES} bytes"),
        ("a: 1\n---\nb: 2", "line 2, column 1: more than one document"),
        ("{a: 1}: 2", "unhashable key"),
    ],
)
def test_what_is_refused_is_named_within_a_second(tmp_path: Path, content: str | bytes, message: str) -> None:
    begun = time.process_time()
    with pytest.raises(NvfairError) as caught:
        read(tmp_path, content)
    assert message in str(caught.value)
    assert time.process_time() - begun < 5
