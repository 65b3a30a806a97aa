"""A made-up installation, for the checks of packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from nvfair_tools.doctor import packages

METADATA = """\
Metadata-Version: 2.1
Name: made-up
Version: 1.0
Provides-Extra: media
Provides-Extra: curate
Provides-Extra: train
Provides-Extra: board
Requires-Python: >=3.11,<3.12
Requires-Dist: click>=8
Requires-Dist: made-up[media]; extra == "curate"
Requires-Dist: pillow>=10; extra == "media"
Requires-Dist: pyarrow; extra == "curate"
Requires-Dist: no-such-package-here; extra == "curate"
Requires-Dist: another-absent-one; extra == "board"
Requires-Dist: pillow>=10; extra == "board"
Requires-Dist: click<1; extra == "board"
Requires-Dist: pillow>=999; extra == "train"
Requires-Dist: click>=8; extra == "train"
Requires-Dist: not-on-this-python; python_version < "3" and extra == "media"
"""


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package whose extras are whole, half there, wrong and absent."""
    folder = tmp_path / "site" / "made_up-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(METADATA)
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setattr(packages, "PACKAGE", "made-up")
    monkeypatch.setattr(packages, "EXTRAS", dict.fromkeys(("", "media", "curate", "train", "board", "new"), "work"))
