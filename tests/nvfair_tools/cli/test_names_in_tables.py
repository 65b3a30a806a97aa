"""Names that look like markup or emoji are printed as they are."""

import pytest
from click.testing import CliRunner

from nvfair_tools.cli import cli
from nvfair_tools.cli.curate.build import count_table
from nvfair_tools.cli.curate.import_release import _show
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.small_build import write_recipe

NAMES = ("m:a: b", "[red]x[/red]", "a[/]b", "x:smile:y")


def test_the_check_shows_any_name(tmp_path, monkeypatch):
    skip_without_landmarker()
    monkeypatch.setenv("COLUMNS", "200")
    name = "x:smile:[red]y[/red]:a:.mp4"
    (tmp_path / "clips.csv").write_text(f"path,identity,split,permitted_use\n{name},m:a,train,research\n")
    recipe = write_recipe(tmp_path / "recipe.yaml", tmp_path / "clips.csv")
    printed = CliRunner().invoke(cli, ["check", str(recipe)])
    assert f"1 of 1 do not exist, such as {name}" in printed.output


@pytest.mark.parametrize("name", NAMES)
def test_the_counts_of_an_import_show_any_name(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    _show("counts", [(name, "ok", "", 3)])
    assert name in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_the_counts_of_a_build_show_any_name(name, capsys, monkeypatch):
    import pandas as pd
    from rich.console import Console

    monkeypatch.setenv("COLUMNS", "120")
    Console(emoji=False).print(count_table("counts", pd.DataFrame([(name, 3)], columns=["what", "items"])))
    assert name in capsys.readouterr().out
