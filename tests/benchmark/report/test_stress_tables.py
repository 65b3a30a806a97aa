"""The sentences and tables of stress tests, and the folder of `nvfair stress`."""

from __future__ import annotations

import json
import re
from pathlib import Path

from click.testing import CliRunner

from benchmark.report.markdown import render_markdown
from benchmark.report.page import render_page
from benchmark.report.stress_tables import stress_tables
from benchmark.stress.driverless import AS_ITSELF, AS_OWNER, OTHER_MOUTH, OWN_MOUTH
from benchmark.stress.rates import StressRate
from nvfair_tools.cli.benchmark.stress import stress
from tests.benchmark.invented_results import results
from tests.benchmark.stress.angle_world import PROTOCOL, write_angles

RULE = "FMR at most 0.1 on validation people"


def row(test: str, case: str, fnmr: float | None, fmr: float | None, side: str = "", people: int = 12) -> StressRate:
    return StressRate(
        "cnn", test, "alpha", case, side, -0.5, RULE, 10 * (fnmr is not None), 20, fnmr, fmr, None, people
    )


PLAIN = row("unstressed", "as it is", 0.2, 0.1)


def sentence(*rows: StressRate) -> str:
    (tables,) = stress_tables([PLAIN, *rows])
    return tables.tests[-1].sentence.replace("\u202f", " ")


def test_the_worst_case_of_each_side_is_in_the_sentence() -> None:
    text = sentence(
        row("re-encoding", "as stored", 0.25, 0.1),
        row("re-encoding", "CRF 23", 0.3, 0.1, "probe"),
        row("re-encoding", "CRF 40", 0.5, 0.1, "probe"),
        row("re-encoding", "CRF 40", 0.4, 0.1, "enrolment"),
        row("re-encoding", "CRF 40", 0.35, 0.1, "both"),
    )
    assert "25.0 % as stored" in text
    assert "50.0 % with the probe alone (CRF 40)" in text
    assert "40.0 % with the enrolled video alone" in text
    assert "35.0 % with both" in text
    hidden = sentence(row("disguise", "slow", 0.3, 0.1, "probe"), row("disguise", "smooth", 0.6, 0.1, "probe"))
    assert "“smooth”: 60.0 %" in hidden
    assert "20.0 % without a disguise" in hidden
    assert "Only 10 genuine comparisons: too few for a rate." in hidden


def test_sentences_on_probes_without_one_driver_compare_them_with_impostors() -> None:
    mixed = sentence(row("mixed drivers", OWN_MOUTH, None, 0.15), row("mixed drivers", OTHER_MOUTH, None, 0.7))
    assert "(genuine 80.0 %, impostor 10.0 %): the method follows the head and upper face more." in mixed
    assert "follows the lower face" in sentence(
        row("mixed drivers", OWN_MOUTH, None, 0.7), row("mixed drivers", OTHER_MOUTH, None, 0.1)
    )
    assert "neither part decides alone" in sentence(
        row("mixed drivers", OWN_MOUTH, None, 0.06), row("mixed drivers", OTHER_MOUTH, None, 0.04)
    )
    sound = sentence(row("driven by sound", AS_OWNER, None, 0.42))
    assert "42.0 % of the comparisons" in sound
    assert "Impostors' videos are accepted in 10.0 %" in sound
    assert "one driver" not in sound
    alike = sentence(row("driven by sound", AS_OWNER, None, 0.42), row("driven by sound", AS_ITSELF, None, 1.0))
    assert "taken for one driver in 100.0 %" in alike


def test_groups_are_compared_within_their_column_only() -> None:
    text = sentence(
        row("groups of people", "gender: f", 0.5, 0.1),
        row("groups of people", "gender: m", 0.3, 0.1),
        row("groups of people", "age: 20–29", 0.9, 0.1),
        row("groups of people", "age: 30–39", None, None, people=9),
        row("groups of people", "gender: x, impostors of the same group", 0.0, 0.1),
    )
    assert "50.0 % of genuine comparisons are rejected for gender: f (12 people), 30.0 % for gender: m" in text
    assert "No two groups have ten people" in sentence(row("groups of people", "gender: f", None, None, people=9))


def test_the_report_has_a_section_with_a_sentence_and_says_what_was_not_run() -> None:
    text = re.sub(r"<[^>]+>", " ", render_page(results())).replace("\u202f", " ")
    assert "Error rates under stress" in text
    assert "succeeds most often with “1.25 times as fast”: 35.0 %" in text
    assert "not run, the people are not simulated" in text
    assert "Error rates under stress" not in render_page(results(stress_rates=()))
    assert "“1.25 times as fast”" in render_markdown(results())


def test_the_command_writes_a_page_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    angles = {("A", "A"): [0, 4, 20], ("B", "A"): [31, 60], ("B", "B"): [100, 104], ("A", "B"): [130, 160]}
    write_angles(tmp_path / "set", angles)
    (tmp_path / "angles.json").write_text(PROTOCOL.to_json())
    words = [
        str(tmp_path / "set"),
        "--method",
        "tests.benchmark.stress.angle_world:Angle",
        "--out",
        str(tmp_path / "out"),
    ]
    words += ["--protocol", str(tmp_path / "angles.json"), "--quick"]
    done = CliRunner().invoke(stress, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "not run, the data set holds landmarks only" in done.output
    content = json.loads((tmp_path / "out" / "stress.json").read_text())
    assert {row["test"] for row in content["rows"]} >= {"unstressed", "disguise", "driven by sound", "re-encoding"}
    page = (tmp_path / "out" / "stress.html").read_text()
    assert "<script" not in page
    assert "Videos that nobody drives" in page
    assert "Videos that nobody drives" in (tmp_path / "out" / "stress.md").read_text()
    stored = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out" / "rows").iterdir()}
    assert len(stored) == 5  # unstressed, disguise, mixed drivers, driven by sound, groups: the others were not run
    CliRunner().invoke(stress, [*words, "--test", "disguise"], catch_exceptions=False)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out" / "rows").iterdir()} == stored
