"""An importer of a published release: its list of files, its test, and the command that runs it."""

FILES = {
    "$module.py": '''"""The release $name: {split}/{face}__{driver}__{take}.mp4, rendered by one generator.

Change that to your release. It stands in nvfair_tools/releases/; docs/extending/importer.md has the command to add.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from nvfair_tools.releases.listing import Release, ReleaseFile, describe_generator, list_files, rejected_file
from nvfair_tools.releases.settings import ReleaseSettings

NAME = "$name"
GENERATOR = "unknown"  # the name of the generator in the data set
SPLITS = ("train", "validation", "test")


def list_$module(root: Path, settings: ReleaseSettings) -> Release:
    """Every file below `root`, judged by its name; none is opened. Raises NvfairError where there is no such folder."""
    tree = list_files(root)
    files = tuple(_file(name) for name in tree.names)
    return Release(
        name=NAME,
        root=root,
        files=files,
        absent=(),  # (name, reason, detail) of what the release's own lists name and the folder lacks
        splits={person: file.split for file in files if file.split for person in (file.target, file.driver)},
        generators=(describe_generator(GENERATOR, licence=settings.licence),),
        notes=tree.notes(),
    )


def _file(name: str) -> ReleaseFile:
    """A file by its path relative to the release. What is not understood is rejected with a reason, never dropped."""
    split, _, file_name = name.rpartition("/")
    parts = PurePosixPath(file_name).stem.split("__")
    if split not in SPLITS or len(parts) != 3 or not file_name.endswith(".mp4"):
        return rejected_file(name, "unknown_name", "expected {split}/{face}__{driver}__{take}.mp4")
    target, driver = (f"$module:{person}" for person in parts[:2])  # namespace:id
    return ReleaseFile(
        name,
        kind="self" if target == driver else "cross",
        source="$module",
        target=target,
        driver=driver,
        clip=parts[2],
        generator=GENERATOR,
        split=split,
        # Take them from the release; say `unknown` where it does not state them.
        licence="unknown",
        consent="unknown",
        permitted_use="unknown",
    )
''',
    "test_$module.py": '''"""Names say who drives whom, and what is not understood is rejected with a reason."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from $module import list_$module

from nvfair_tools.errors import NvfairError
from nvfair_tools.releases.settings import ReleaseSettings


def test_names_say_who_drives_whom(tmp_path: Path) -> None:
    for name in ("test/ann__ann__1.mp4", "test/ann__bea__1.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    own, cross = sorted(list_$module(tmp_path, ReleaseSettings()).files, key=lambda file: file.name)
    assert (own.kind, own.driver) == ("self", "$module:ann")
    assert (cross.kind, cross.target, cross.driver) == ("cross", "$module:ann", "$module:bea")


def test_a_stray_is_rejected_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    (stray,) = list_$module(tmp_path, ReleaseSettings()).files
    assert stray.result.reason == "unknown_name"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NvfairError):
        list_$module(tmp_path / "none", ReleaseSettings())
''',
}
NEXT = (
    "python -m pytest $out                     # its own test",
    "then as docs/extending/importer.md says: the module to nvfair_tools/releases/, its command to "
    "nvfair_tools/cli/curate/import_release.py",
)
