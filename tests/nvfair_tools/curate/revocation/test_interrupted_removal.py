"""A removal that is killed at any moment ends, after the next call, in the same state as one that was not."""

import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from nvfair_tools.cli.revoke import revoke
from nvfair_tools.curate.build import build
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.progress import Silent
from tests.nvfair_tools.curate.revocation.killed import kill_at, revoke_until
from tests.nvfair_tools.curate.revocation.museum import PERSON
from tests.nvfair_tools.small_build import file_hashes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL"),
]


def state(dataset: Path) -> tuple[dict[str, str], list[str], list[tuple]]:
    """All that a removal leaves: files with their hashes, names in the build's folder, and the journal's rows."""
    # The tombstone's digests are keyed; the key of this test is the same throughout.
    names = sorted(path.relative_to(dataset).as_posix() for path in dataset.rglob("*"))
    rows = []
    with closing(sqlite3.connect(f"file:{dataset / '.build' / 'journal.sqlite'}?immutable=1", uri=True)) as journal:
        for table in ("items", "outputs", "people"):
            rows += sorted(journal.execute(f"SELECT * FROM {table}"))
    return file_hashes(dataset), names, rows


def check_kills(museum: Path, folder: Path, key: Path, kills: int, monkeypatch) -> list[str]:
    """Kills a removal at so many moments, from the first line to the last; returns what was seen in between."""
    monkeypatch.setenv("NVFAIR_REVOCATION_KEY", str(key))
    shutil.copytree(museum, folder / "whole")
    lines = revoke_until(0, PERSON, [folder / "whole" / "dataset"], key, kill=False)
    expected = state(folder / "whole" / "dataset")
    seen = []
    for number in range(kills):
        museum_copy = folder / f"killed-{number}"
        shutil.copytree(museum, museum_copy)
        dataset = museum_copy / "dataset"
        kill_at(1 + (lines - 1) * number // (kills - 1), PERSON, dataset, key)
        seen.append("finished" if (dataset / "dataset.json").exists() else "unfinished")
        if seen[-1] == "finished":  # then it is whole: as it was before, or as it is afterwards
            Dataset.open(dataset).tracks()
        if (dataset / ".revoking").exists():
            with pytest.raises(NvfairError, match="removal of a person"):
                build(museum_copy / "recipe.yaml", reporter=Silent())
        # The next call may be for anybody, of anything: what was begun is completed first.
        result = CliRunner().invoke(revoke, [PERSON, str(dataset), "--yes"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        files, names, rows = state(dataset)
        for path, digest in expected[0].items():
            if path != "revoked.json":  # its date is that of the day
                assert files.get(path) == digest, (number, path)
        assert names == expected[1], number
        assert rows == expected[2], number
        assert not list((key.parent / "revocations").iterdir())
        shutil.rmtree(museum_copy)
    return seen


def test_a_removal_killed_at_three_moments_ends_alike(built_museum, tmp_path, monkeypatch):
    seen = check_kills(built_museum, tmp_path, tmp_path / "settings" / "revocation.key", 3, monkeypatch)
    assert "unfinished" in seen


@pytest.mark.soak
def test_a_removal_killed_at_twenty_moments_ends_alike(built_museum, tmp_path, monkeypatch):
    seen = check_kills(built_museum, tmp_path, tmp_path / "settings" / "revocation.key", 20, monkeypatch)
    assert seen.count("unfinished") >= 5
