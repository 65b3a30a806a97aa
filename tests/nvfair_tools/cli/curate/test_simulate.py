from click.testing import CliRunner

from nvfair_tools.cli import cli
from nvfair_tools.dataset import Dataset

SOURCES = "sources:\n- {name: sim-x, train: 2, validation: 0, test: 2, texts: 1}\nclips: 1\nframes: 15\n"


def test_help_names_both_commands():
    result = CliRunner().invoke(cli, ["simulate", "--help"])
    assert result.exit_code == 0
    assert "cohort" in result.output
    assert "people" in result.output


def test_cohort_writes_a_data_set_from_settings_and_options(tmp_path):
    settings = tmp_path / "s.yaml"
    settings.write_text(SOURCES)
    out = tmp_path / "out"
    arguments = ["simulate", "cohort", str(out), "--settings", str(settings), "--cross", "all", "--seed", "5"]
    result = CliRunner().invoke(cli, [*arguments, "--workers", "1"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    data = Dataset.open(out)
    assert data.meta["world"]["settings"]["seed"] == 5
    assert (data.videos["kind"] == "cross").sum() == 4 * 1 * 3
    assert data.meta["world"]["hash"] in result.output


def test_a_wrong_number_of_faces_is_a_usage_error(tmp_path):
    result = CliRunner().invoke(cli, ["simulate", "cohort", str(tmp_path / "o"), "--cross", "many"])
    assert result.exit_code == 2
    assert "many" in result.output
