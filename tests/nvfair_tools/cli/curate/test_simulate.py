import json

from click.testing import CliRunner

from nvfair_tools.cli import cli
from nvfair_tools.dataset import Dataset
from nvfair_tools.simulate.statistics import STATISTICS

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


def test_statistics_prints_a_line_a_world_beside_real_clips(tmp_path):
    world, real = tmp_path / "world.yaml", tmp_path / "real.json"
    world.write_text(
        "name: tiny\nclips: 3\ncross: 1\nframes: 60\ngenerators: [sim-spline]\n"
        + SOURCES.split("clips")[0].replace("texts: 1", "texts: 2")
    )
    shares = dict.fromkeys(STATISTICS, 0.25)
    percentiles = {name: [1, 2, 3, 4, 5] for name in STATISTICS}
    real.write_text(json.dumps({"percentiles": percentiles, "share_of_variance_between_people": shares}))
    result = CliRunner().invoke(cli, ["simulate", "statistics", str(world), "--real", str(real), "--each"])
    assert result.exit_code == 0, result.output
    assert "| real clips | 0.63 to 0.68 | 0.907 | – | – | 0.25 | 0.25 |" in result.output
    assert "| tiny | " in result.output
    assert "| mouth_width/std | left out | 2 / 3 / 4 |" in result.output


def test_statistics_of_another_file_are_refused(tmp_path):
    real = tmp_path / "real.json"
    real.write_text("{}")
    result = CliRunner().invoke(cli, ["simulate", "statistics", "world9", "--real", str(real)])
    assert result.exit_code != 0
    assert "percentiles: missing" in str(result.exception)
