"""The results as Markdown, written between two marks of the page of the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from examples.studies.real_people.plan import PUBLISHED, SHORTCUTS, Plan
from examples.studies.real_people.results import FIGURES, StudyResults
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import write_text

BEGIN, END = "<!-- results: written by the command -->", "<!-- end of results -->"


def write_page(page: Path, text: str) -> None:
    """Puts `text` between the marks of the page; raises NvfairError where it has no marks."""
    content = page.read_text(encoding="utf-8")
    before, begin, rest = content.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise NvfairError("the page has no place for results", where=page, expected=f"a line {BEGIN} and a line {END}")
    write_text(page, f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def results_text(results: StudyResults, plan: Plan, log: Sequence[Mapping[str, Any]]) -> str:
    """The tables of figures, of tests, of the simulated coverage, and of all openings, as Markdown."""
    counts = results.counts
    left_out = ", ".join(f"{count} {reason}" for reason, count in counts["clips_left_out"].items()) or "none"
    intro = (
        f"{counts['people']} people with an AUC, {counts['clips']} clips in {counts['sessions']} sessions (clips left "
        f"out: {left_out}), {counts['faces']} faces, {counts['genuine_trials']} genuine trials by each generator. "
        f"{plan.confidence:.0%} intervals resample people."
    )
    return "\n\n".join(
        [
            intro,
            _figures_table(results, plan),
            _primary_text(results.primary, plan),
            _exploratory_table(results.exploratory),
            _coverage_table(results.coverage, plan),
            _log_table(log),
        ]
    )


def _figures_table(results: StudyResults, plan: Plan) -> str:
    """One row a method: ours, the published, the other methods, then the shortcuts."""
    header = [f"{generator}, {figure}" for generator in plan.generators for figure in ("mean over people", "pooled")]
    rows = {(row["method"], row["generator"]): row for row in results.methods}
    names = list(dict.fromkeys(row["method"] for row in results.methods))
    methods = [name for name in names if name not in SHORTCUTS and name != PUBLISHED]
    ordered = [methods[0], PUBLISHED, *methods[1:], *(name for name in SHORTCUTS if name in names)]
    table = []
    for name in ordered:
        cells = [figure_text(rows[name, g][figure]) for g in plan.generators for figure in ("mean", "pooled")]
        shown_name = {methods[0]: f"**ours** ({plan.ours})", PUBLISHED: "mean of the published networks"}.get(
            name, name
        )
        table.append([f"*{shown_name}*" if name in SHORTCUTS else shown_name, *cells])
    return markdown_table(["AUC", *header], table)


def figure_text(figure: Sequence[float | None]) -> str:
    """A figure with its interval, such as "0.561 (0.480-0.640)"."""
    value, low, high = figure
    interval = "no interval" if low is None or high is None else f"{low:.3f}–{high:.3f}"
    return f"{value:.3f} ({interval})"


def difference_text(row: Mapping[str, Any]) -> str:
    """A difference with its interval, such as "+0.012 (-0.050, +0.074)"."""
    return f"{row['value']:+.3f} ({_signed(row['low'])}, {_signed(row['high'])})"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3f}"


def _primary_text(row: Mapping[str, Any], plan: Plan) -> str:
    jackknife = f"{_signed(row['jackknife_low'])}, {_signed(row['jackknife_high'])}"
    return (
        f"**Primary endpoint** ({row['contrast']}): {difference_text(row)}; sign-flip test over people p = "
        f"{row['p_value']:.3f}; jackknife interval ({jackknife}). With {plan.power:.0%} power a true difference of "
        f"{row['detectable']:.3f} or more would have been detected."
    )


def _exploratory_table(rows: Sequence[Mapping[str, Any]]) -> str:
    table = [
        [
            row["contrast"],
            difference_text(row),
            f"{row['p_value']:.3f}",
            f"{row['holm_p']:.3f}",
            f"{row['detectable']:.3f}",
        ]
        for row in rows
    ]
    header = ["exploratory difference", "value", "p", f"p, Holm for {len(rows)}", "detectable"]
    return markdown_table(header, table)


def _coverage_table(rows: Sequence[Mapping[str, Any]], plan: Plan) -> str:
    table = [
        [
            row["scenario"], f"{row['truth']:+.3f}", f"{row['deviation']:.3f}", f"{row['covered']:.1%}",
            f"{row['jackknife_covered']:.1%}", f"{row['rejected']:.1%}",
        ]
        for row in rows
    ]  # fmt: skip
    header = [
        "simulated",
        "true difference",
        "its deviation",
        "interval covers",
        "jackknife covers",
        "sign-flip rejects",
    ]
    experiments = rows[0]["experiments"] if rows else 0
    title = f"Coverage of the {plan.confidence:.0%} interval in {experiments} simulated studies of this design:"
    return f"{title}\n\n{markdown_table(header, table)}"


def _log_table(log: Sequence[Mapping[str, Any]]) -> str:
    """All openings; one without figures was cut off after the tracks had been read."""
    rows = []
    for entry in log:
        if entry["event"] != FIGURES:
            finished = any(e["event"] == FIGURES and e["opening"] == entry["opening"] for e in log)
            if finished:
                continue
            figures = "read, no figures"
        else:
            figures = difference_text(entry["primary"])
        rows.append([str(entry["opening"]), entry["day"], entry["plan"], f"`{entry['plan_sha256'][:12]}`", figures])
    return markdown_table(["opening", "day", "plan", "sha256", "primary difference"], rows)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table of cells that are text."""
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
