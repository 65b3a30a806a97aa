"""The guides run as they stand: each is done from its first command to its last, in an empty folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.docs.guide_script import KINDS, ROOT, blocks, run_page, script_of

DOCS = ROOT / "docs"
GUIDES = [DOCS / "start.md", *sorted((DOCS / "guides").glob("*.md"))]


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_every_block_of_a_guide_has_a_known_kind_and_is_a_shell_script(page: Path) -> None:
    assert {block.words for block in blocks(page) if block.language == "sh"} <= set(KINDS)
    assert {block.language for block in blocks(page)} <= {"sh", "python"}
    done = subprocess.run(["bash", "-n", "-c", script_of(page)], capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.soak
@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_a_guide_can_be_followed_to_its_end(page: Path, tmp_path: Path) -> None:
    for extra in ("torch", "mediapipe", "fastapi", "c2pa"):
        pytest.importorskip(extra, reason=f"{page.name} needs everything: pip install 'nvfair-tools[all]'")
    output = run_page(page, tmp_path)
    assert "Traceback" not in output
