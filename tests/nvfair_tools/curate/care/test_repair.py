"""A set that was built is mended by its recipe: videos are rendered again, and count only with the promised bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from nvfair_tools.cli.dataset.group import dataset as command
from nvfair_tools.curate.care.repair import repair
from nvfair_tools.dataset.checking import check_dataset
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.pipeline.progress import Silent
from tests.nvfair_tools.dataset.test_checking import flip
from tests.nvfair_tools.small_build import file_hashes


@pytest.fixture
def museum(built_museum: Path, tmp_path: Path) -> Path:
    """A copy of the recipe's folder, to be damaged."""
    return Path(shutil.copytree(built_museum, tmp_path / "museum"))


def rendered(dataset: Path) -> str:
    """The path of a reenactment."""
    return next(dataset.glob("videos/*/*-generated/**/*.mp4")).relative_to(dataset).as_posix()


def test_everything_is_made_again_with_the_same_bytes(museum: Path, built_museum: Path) -> None:
    data, promised = museum / "dataset", file_hashes(built_museum / "dataset")
    part = next(data.glob("frames/**/*.parquet")).relative_to(data).as_posix()
    original = next(data.glob("videos/*/originals/**/*.mp4")).relative_to(data).as_posix()
    portrait = next(data.glob("portraits/**/*.*")).relative_to(data).as_posix()
    for place in (300, 900):  # of the same size: the build by itself would not see it
        flip(data / rendered(data), place, 2)
    (data / original).write_bytes((data / original).read_bytes()[:700])
    (data / portrait).unlink()
    shutil.copy(data / "identities.parquet", data / part)
    (data / "card" / "lengths.png").unlink()
    damaged = {rendered(data), original, portrait, part, "card/lengths.png"}
    before = file_hashes(data)

    planned = repair(data, recipe=museum / "recipe.yaml", dry_run=True)
    assert set(planned.mended) == damaged
    assert file_hashes(data) == before

    assert repair(data).unmended.keys() == damaged  # a card is not written from damaged parts

    report = repair(data, recipe=museum / "recipe.yaml", reporter=Silent())
    assert report.whole, report
    assert set(report.mended.values()) == {"by the build of the recipe"}
    assert file_hashes(data) == promised
    assert check_dataset(data, full=True).faults == ()


def test_the_card_is_written_again_from_the_tables(museum: Path, built_museum: Path) -> None:
    data = museum / "dataset"
    (data / "README.md").write_bytes((data / "README.md").read_bytes()[:500])
    damaged = ("README.md", "card/lengths.png", ".zenodo.json", "croissant.json", "datacite.json", "datasheet.md")
    for name in damaged[1:4]:
        (data / name).unlink()
    for name in damaged[4:]:
        (data / name).write_text("something else")
    report = repair(data)
    assert report.whole, report
    assert report.mended == dict.fromkeys(damaged, "by writing the card anew")
    assert file_hashes(data) == file_hashes(built_museum / "dataset")


def test_record_and_tables_are_built_again(museum: Path, built_museum: Path) -> None:
    data = museum / "dataset"
    (data / "dataset.json").unlink()
    (data / "videos.parquet").unlink()
    (data / "consent.parquet").write_bytes(b"")
    with pytest.raises(NvfairError, match="the recipe builds"):
        repair(data, recipe=built_museum / "recipe.yaml")
    report = repair(data, recipe=museum / "recipe.yaml", reporter=Silent())
    assert report.whole, report
    assert file_hashes(data) == file_hashes(built_museum / "dataset")


def test_a_build_that_gives_other_bytes_changes_nothing_unless_it_may(museum: Path, built_museum: Path) -> None:
    data, recipe = museum / "dataset", museum / "recipe.yaml"
    # The tracks of the drivers decide what is rendered: with others, the build makes other videos of the same length.
    video = rendered(data)
    (data / video).unlink()
    tracks = sorted((data / ".build" / "tracks").rglob("*.npz"))
    _swap_tracks(tracks)
    before = file_hashes(data)
    with pytest.raises(Problems, match="--accept-other-bytes takes it"):
        CliRunner().invoke(
            command, ["repair", str(data), "--recipe", str(recipe)], catch_exceptions=False, standalone_mode=False
        )
    left = {file: digest for file, digest in file_hashes(data).items() if not file.startswith(".repair")}
    assert left == before
    assert (data / ".repair" / "differing" / video).is_file()
    done = CliRunner().invoke(command, ["repair", str(data), "--recipe", str(recipe), "--accept-other-bytes"])
    assert done.exit_code == 0, done.output
    assert f"{video}: mended by the build of the recipe, whatever its hash" in done.output
    assert check_dataset(data, full=True).faults == ()
    assert not (data / ".repair").exists()


def _swap_tracks(tracks: list[Path]) -> None:
    """Gives each track of a clip, which has ten frames, the content of another."""
    import numpy as np

    whole = [path for path in tracks if "mesh" in (track := np.load(path)).files and len(track["valid"]) == 10]
    contents = [path.read_bytes() for path in whole]
    for path, content in zip(whole, contents[1:] + contents[:1], strict=True):
        path.write_bytes(content)
