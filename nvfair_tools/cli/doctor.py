"""`nvfair doctor`: looks the machine over, each finding with its remedy."""

from __future__ import annotations

from pathlib import Path

import click

from nvfair_tools.cli.answers import Answer, reports
from nvfair_tools.cli.paths import RECIPE


@click.command()
@click.argument("recipe", required=False, type=RECIPE)
@reports
def doctor(recipe: Path | None) -> Answer:
    """Say what of this installation works here, and what to do about the rest; with RECIPE, whether it can be built.

    Every tool is tried: ffmpeg starts, the landmarker looks for a face. Nothing is written, nothing asks the network.
    Exit status 1 where an error was found; notes and warnings leave it at 0.
    """
    from nvfair_tools.doctor import MachineFinding, examine

    findings: list[MachineFinding] = []
    place = "." if recipe is None else recipe.parent
    for finding in examine(place):
        findings.append(finding)
        _print(finding)
    if recipe is not None:
        from nvfair_tools.curate.preflight import check

        for result in check(recipe).findings:
            finding = MachineFinding(result.level, f"{recipe.name}: {result.topic}", result.message, result.remedy)
            findings.append(finding)
            _print(finding)
    errors = sum(finding.level == "error" for finding in findings)
    warnings = sum(finding.level == "warning" for finding in findings)
    click.echo(f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}")
    return Answer(findings, 1 if errors else 0)


def _print(finding: object) -> None:
    from nvfair_tools.doctor import MachineFinding

    assert isinstance(finding, MachineFinding)
    colour = {"error": "red", "warning": "yellow", "ok": "green"}.get(finding.level)
    click.echo(f"{click.style(f'{finding.level:>7}', fg=colour)}  {finding.topic}: {finding.message}")
    if finding.remedy:
        click.echo(f"         to fix it: {finding.remedy}")
