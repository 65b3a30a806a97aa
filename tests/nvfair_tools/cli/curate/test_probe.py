import json

from click.testing import CliRunner

from nvfair_tools.cli import cli
from tests.nvfair_tools.clips import face_clip


def test_probe_lists_every_file_and_fails_where_one_cannot_be_read(tmp_path):
    clip = face_clip(tmp_path / "face.mp4", frames=5)
    missing = tmp_path / "missing.mp4"
    missing.touch()
    good = CliRunner().invoke(cli, ["probe", str(clip)])
    assert good.exit_code == 0
    assert "256x256" in good.output
    both = CliRunner().invoke(cli, ["probe", "--json", str(clip), str(missing)])
    assert both.exit_code == 1
    first, second = json.loads(both.output)
    assert (first["frames"], first["fps"], first["problem"]) == (5, "25/1", "")
    assert second["problem"] == "unreadable"
    table = CliRunner().invoke(cli, ["probe", str(clip), str(missing)])
    assert table.exit_code == 1
    assert "the file is empty" in table.output
    missing.unlink()
    assert CliRunner().invoke(cli, ["probe", str(clip), str(missing)]).exit_code == 2
