"""The check lists every problem of a submission, and accepts a good one."""

import copy
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leaderboard.submission.archive import pack
from leaderboard.submission.check import check_submission, find_problems
from leaderboard.submission.submission import read_submission, submission_digest
from leaderboard.submission.test_set import TestSet
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import Problems
from tests.leaderboard.conftest import VALID_DECLARATION, write_declaration


def rewrite_embeddings(folder: Path, edit) -> None:
    """Rewrites the embeddings file through `edit(table) -> table`."""
    path = folder / "embeddings" / "test.parquet"
    pq.write_table(edit(pq.read_table(path)), path)


def test_a_good_submission_has_no_problems(submission: Path, dataset: Dataset) -> None:
    assert find_problems(submission, dataset) == []


def test_every_mistake_in_the_declaration_is_listed_with_its_key(submission: Path, dataset: Dataset) -> None:
    bad = {**VALID_DECLARATION, "method": "", "surprise": 1, "training": {"people": [], "generators": []}}
    write_declaration(submission, bad)
    problems = find_problems(submission, dataset)
    assert len(problems) == 3
    assert all(
        f"submission.yaml: {key}: " in "\n".join(problems) for key in ("method", "surprise", "training.datasets")
    )


def test_a_protocol_is_named_never_read_from_a_path(submission: Path, dataset: Dataset) -> None:
    bad = copy.deepcopy(VALID_DECLARATION)
    bad["entries"][0]["protocol"] = "/etc/passwd.json"
    write_declaration(submission, bad)
    assert "'/etc/passwd.json' is unknown" in find_problems(submission, dataset)[0]


def test_a_protocol_whose_figure_a_board_does_not_rank_by_is_refused(submission: Path, dataset: Dataset) -> None:
    bad = copy.deepcopy(VALID_DECLARATION)
    bad["entries"][0]["protocol"] = "avaprintdb-seen"
    write_declaration(submission, bad)
    assert "avaprintdb-seen has one pooled figure" in find_problems(submission, dataset)[0]


@pytest.mark.parametrize("path", ["../outside.parquet", "/etc/hostname", "embeddings/link.parquet"])
def test_files_outside_the_folder_and_links_are_refused(submission: Path, dataset: Dataset, path: str) -> None:
    (submission.parent / "outside.parquet").write_bytes(b"PAR1")
    (submission / "embeddings" / "link.parquet").symlink_to(submission / "embeddings" / "test.parquet")
    write_declaration(
        submission, {**VALID_DECLARATION, "entries": [VALID_DECLARATION["entries"][0] | {"embeddings": path}]}
    )
    (text,) = find_problems(submission, dataset)
    assert "leads out of the submission's folder or through a link" in text


def test_a_file_that_is_no_parquet_is_named(submission: Path, dataset: Dataset) -> None:
    (submission / "embeddings" / "test.parquet").write_bytes(b"PAR1 and nothing else")
    assert all("not a whole Parquet file" in text for text in find_problems(submission, dataset))


def test_missing_and_mistyped_columns_are_all_named(submission: Path, dataset: Dataset) -> None:
    def edit(table: pa.Table) -> pa.Table:
        wide = table.column("embedding").combine_chunks().cast(pa.list_(pa.float64(), 252))
        return table.drop_columns(["window"]).set_column(2, "embedding", wide)

    rewrite_embeddings(submission, edit)
    text = "\n".join(find_problems(submission, dataset))
    assert "column 'window' (integer) is missing" in text
    assert "column 'embedding' is fixed_size_list" in text


def test_nan_repeated_missing_and_unknown_windows_are_all_reported_with_their_rows(
    submission: Path, dataset: Dataset
) -> None:
    def edit(table: pa.Table) -> pa.Table:
        rows = table.to_pylist()
        last = rows.pop()["video"]
        remaining = [row for row in rows if row["video"] != last]
        remaining[2]["embedding"] = [np.nan] * 252
        return pa.Table.from_pylist(
            [*remaining, remaining[0], {**remaining[0], "video": "stranger"}], schema=table.schema
        )

    rewrite_embeddings(submission, edit)
    text = "\n".join(find_problems(submission, dataset))
    assert "row 2 (video" in text
    assert "repeat a window" in text
    assert ": missing: " in text
    assert "'stranger'" in text


@pytest.mark.parametrize(("seen", "unseen"), [([], 0), (["alpha", "beta"], 1)])
def test_an_entry_without_a_generator_to_be_scored_on_is_a_problem(
    submission: Path, dataset: Dataset, seen: list[str], unseen: int
) -> None:
    number = 1 if unseen else 0
    write_declaration(
        submission,
        VALID_DECLARATION | {"entries": [VALID_DECLARATION["entries"][number] | {"trained_on_generators": seen}]},
    )
    (problem,) = find_problems(submission, dataset)
    assert "none of the tested generators (alpha, beta) is " + ("unseen" if unseen else "seen") in problem
    assert "trained_on_generators" in problem


def test_a_check_without_problems_gives_the_digest_and_what_each_entry_holds(
    submission: Path, dataset: Dataset
) -> None:
    result = check_submission(submission, dataset.folder)
    assert result.passed
    assert result.method == "landmark spread"
    assert result.digest == submission_digest(submission, read_submission(submission))
    windows = len(pq.read_table(submission / "embeddings" / "test.parquet"))
    assert [(entry.protocol, entry.generators, entry.rows) for entry in result.entries] == [
        ("nvfair-seen", ("alpha",), windows),
        ("nvfair-unseen", ("beta",), windows),
    ]
    result.raise_problems()


def test_a_check_with_problems_gives_the_same_lines_as_the_board_without_paths_of_this_machine(
    submission: Path, dataset: Dataset, tmp_path: Path
) -> None:
    (submission / "embeddings" / "test.parquet").unlink()
    (submission / "embeddings" / "test.parquet").write_bytes(b"PAR1 and nothing else")
    result = check_submission(submission, dataset, name="mine")
    assert list(result.problems) == find_problems(submission, dataset)
    assert result.digest == ""
    with pytest.raises(Problems, match="not a whole Parquet file"):
        result.raise_problems()
    (submission / "embeddings" / "test.parquet").unlink()
    assert all(str(tmp_path) not in problem for problem in check_submission(submission, dataset, name="x").problems)


def test_a_zip_file_is_checked_like_its_folder(submission: Path, dataset: Dataset, tmp_path: Path) -> None:
    archive = pack(submission, tmp_path / "a.zip")
    test = TestSet(dataset)
    from_folder, from_zip = check_submission(submission, test), check_submission(archive, test)
    assert (from_zip.digest, from_zip.entries) == (from_folder.digest, from_folder.entries)
    archive.write_bytes(b"no zip file")
    assert "cannot be unpacked" in check_submission(archive, test).problems[0]
    assert "no such folder or file" in check_submission(tmp_path / "absent", test).problems[0]


def test_a_notebook_shows_problems_with_markup_escaped(submission: Path, dataset: Dataset) -> None:
    write_declaration(submission, {**VALID_DECLARATION, "method": "<b>bold</b>"})
    assert "&lt;b&gt;bold" in check_submission(submission, dataset)._repr_html_()
    write_declaration(submission, {**VALID_DECLARATION, "kind": "<script>"})
    html = check_submission(submission, dataset)._repr_html_()
    assert "kind" in html
    assert "<script>" not in html
