"""`--threads` sets how many threads compute; where nobody says, it is one a core that the process may use."""

import os

import click
import pytest
from click.testing import CliRunner

from nvfair_tools.cli import COMMANDS, cli, main
from nvfair_tools.cli.benchmark.threads import busy_note, threads_option, usable_cores

torch = pytest.importorskip("torch")


@click.command()
@threads_option
def count() -> None:
    click.echo(f"{torch.get_num_threads()} threads")


@pytest.fixture(autouse=True)
def _threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_option_the_variable_and_the_cores_count_in_this_order(monkeypatch):
    monkeypatch.setattr("nvfair_tools.cli.benchmark.threads.usable_cores", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    torch.set_num_threads(3)
    assert CliRunner().invoke(count, []).output == "2 threads\n"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    torch.set_num_threads(3)
    assert CliRunner().invoke(count, []).output == "3 threads\n"
    assert CliRunner().invoke(count, ["--threads", "1"]).output == "1 threads\n"
    assert "0 is not in the range" in CliRunner().invoke(count, ["--threads", "0"]).output


def test_the_quota_of_a_container_limits_the_cores(tmp_path):
    cores = usable_cores(tmp_path / "none")
    for text, expected in (("max 100000\n", cores), ("150000 100000\n", 1), ("5000 100000\n", 1)):
        (tmp_path / "cpu.max").write_text(text)
        assert usable_cores(tmp_path / "cpu.max") == expected


def test_a_busy_machine_is_said_and_a_quiet_one_is_not(monkeypatch):
    assert busy_note(2, 1.0) == ""
    assert "a load of 11.6 on 2 cores" in busy_note(2, 11.6)
    monkeypatch.setattr("nvfair_tools.cli.benchmark.threads.usable_cores", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (12.0, 0.0, 0.0))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert "--threads 1 is quicker now" in CliRunner().invoke(count, []).output
    assert "--threads 1 is quicker now" not in CliRunner().invoke(count, ["--threads", "1"]).output


def test_the_commands_that_compute_have_the_option_and_waiting_threads_sleep(monkeypatch):
    for name in ("train", "evaluate", "embed", "compare", "stress"):
        assert "--threads" in CliRunner().invoke(cli, [name, "--help"]).output, name
        assert name in COMMANDS
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setattr("sys.argv", ["nvfair", "--version"])
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit):
        main()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
