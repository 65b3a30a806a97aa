"""The house rules hold in the whole project, and each of them notices its breach."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def rules() -> ModuleType:
    spec = importlib.util.spec_from_file_location("house_rules", ROOT / ".ci" / "house_rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_project_keeps_them(rules: ModuleType) -> None:
    assert list(rules.breaches_in([ROOT / folder for folder in rules.FOLDERS])) == []


@pytest.mark.parametrize(
    ("code", "breach"),
    [
        ('"""A module that has a docstring of its own."""\n\ntold = 1\n', "the name 'told'"),
        ('"""A module that has a docstring of its own."""\n\nfor one in ():\n    pass\n', "the name 'one'"),
        ('"""A module that has a docstring of its own."""\n\ndef size():\n    """Its size."""\n', "too short"),
        (
            '"""A module that has a docstring of its own."""\n\ndef size():\n    """the size of all files."""\n',
            "begin like",
        ),
        ('"""A module that has a docstring of its own."""\n' + "x = 1\n" * 400, "401 lines"),
        ('"""A module that has a docstring of its own."""\n\nx = f"{len(()):,} files"\n', "a number before 'files'"),
        ('"""A module that has a docstring of its own."""\n\nx = "2 file(s)"\n', "a noun with (s)"),
    ],
)
def test_a_breach_is_named_with_its_file(rules: ModuleType, tmp_path: Path, code: str, breach: str) -> None:
    (tmp_path / "module.py").write_text(code)
    (message,) = rules.breaches_in([tmp_path])
    assert breach in message
    assert "module.py" in message


def test_a_folder_with_too_many_modules_is_named(rules: ModuleType, tmp_path: Path) -> None:
    for number in range(21):
        (tmp_path / f"module_{number}.py").write_text("")
    (message,) = rules.breaches_in([tmp_path])
    assert "21 modules" in message
