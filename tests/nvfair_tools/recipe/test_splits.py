"""People are divided once, by what is known of them alone."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.recipe.clip_list import ClipRow
from nvfair_tools.recipe.recipe import Recipe
from nvfair_tools.recipe.splits import assign_splits, read_split_file, splits_by_shares

SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}


def row(identity: str, split: str = "", aliases: tuple[str, ...] = ()) -> ClipRow:
    source = identity.partition(":")[0]
    return ClipRow(Path("a.mp4"), "a.mp4", identity, source, "", "", "", "row 2", split=split, aliases=aliases)


def recipe(folder: Path, **splits) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "t",
            "output": "out",
            "sources": [{"csv": "clips.csv"}],
            "rights": {"render_if": ["research"]},
            "generators": [{"name": "warp-dense"}],
            "splits": splits,
            "folder": folder,
        }
    )


@settings(deadline=None)  # machines are shared
@given(st.integers(1, 60), st.integers(0, 5))
def test_shares_are_met_as_well_as_whole_people_allow(people, seed):
    sources = {f"a:{n}": "a" for n in range(people)}
    counts = Counter(splits_by_shares(sources, SHARES, seed).values())
    assert sum(counts.values()) == people
    assert all(abs(counts[split] - share * people) < 1 for split, share in SHARES.items())


def test_the_order_of_the_list_and_other_sources_do_not_matter():
    sources = {f"a:{n}": "a" for n in range(20)}
    splits = splits_by_shares(sources, SHARES, 0)
    backwards = splits_by_shares(dict(reversed(sources.items())) | {"b:1": "b", "b:2": "b"}, SHARES, 0)
    assert {identity: backwards[identity] for identity in sources} == splits
    assert splits_by_shares(sources, SHARES, 1) != splits


def test_the_column_decides_and_a_person_without_a_split_is_named(tmp_path):
    rule = recipe(tmp_path, by="column")
    assert assign_splits(rule, [row("x:1", "test"), row("x:2", "train")]) == {"x:1": "test", "x:2": "train"}
    with pytest.raises(Problems, match="x:2 has no split"):
        assign_splits(rule, [row("x:1", "test"), row("x:2")])


def test_nvfairs_own_file_is_read_under_our_names(shared, tmp_path):
    splits = read_split_file(shared / "protocols" / "nvfair_split.csv")
    assert Counter(splits.values()) == {"train": 111, "validation": 15, "test": 35}  # the paper's counts
    assert splits["cremad:1001"] == "test"
    assert "ravdess:01" in splits
    assert "nvidia-vc:id001" in splits


def test_a_split_file_finds_people_by_name_or_alias(tmp_path):
    (tmp_path / "s.csv").write_text("identity,source,split\n1001,CREMA-D,test\nActor_01,RAVDESS,train\nx:9,,train\n")
    rule = recipe(tmp_path, by="file", file="s.csv")
    splits = assign_splits(rule, [row("cremad:1001"), row("ravdess:01"), row("x:nine", aliases=("x:9",))])
    assert splits == {"cremad:1001": "test", "ravdess:01": "train", "x:nine": "train"}
    with pytest.raises(Problems, match=r"cremad:1002 is not in s\.csv"):
        assign_splits(rule, [row("cremad:1002")])


def test_a_split_file_with_a_person_in_two_splits_is_refused(tmp_path):
    (tmp_path / "s.csv").write_text("identity,source,split\nx:1,,test\nx:1,,train\nx:2,,tset\n3,,train\n")
    with pytest.raises(Problems) as caught:
        read_split_file(tmp_path / "s.csv")
    problems = "\n".join(caught.value.problems)
    assert "row 3: x:1 is in two splits" in problems
    assert "row 4: split 'tset'" in problems
    assert "row 5: '3' has neither" in problems


def test_a_split_file_with_a_second_split_column_or_an_empty_name_is_refused(tmp_path):
    (tmp_path / "s.csv").write_text("identity, split ,split\nx:1,test,train\n,test,test\n")
    with pytest.raises(Problems) as caught:
        read_split_file(tmp_path / "s.csv")
    problems = "\n".join(caught.value.problems)
    assert "'split' (column 2), 'split' (column 3)" in problems
    assert "row 3: identity is empty" in problems


def test_a_split_file_as_a_spreadsheet_writes_it_is_read(tmp_path):
    (tmp_path / "s.csv").write_bytes(b"\xef\xbb\xbfidentity, source, split,\r\nx:1, , test,\r\n,,,\r\n")
    assert read_split_file(tmp_path / "s.csv") == {"x:1": "test"}
    (tmp_path / "s.csv").write_bytes("identity,split\nx:ü,test\n".encode("cp1252"))
    with pytest.raises(NvfairError, match="the split file cannot be read: not UTF-8"):
        read_split_file(tmp_path / "s.csv")
