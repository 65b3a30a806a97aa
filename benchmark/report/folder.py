"""The folder of a report: results.json, index.html and report.md."""

from __future__ import annotations

from pathlib import Path

from benchmark.evaluation.results import EvaluationResults, write_results
from benchmark.report.markdown import write_markdown
from benchmark.report.page import write_report
from nvfair_tools.dataset import Dataset
from nvfair_tools.files import make_folder


def write_report_folder(folder: Path, results: EvaluationResults, dataset: Dataset | None = None) -> None:
    """Writes results.json, index.html and report.md to `folder`, which is made where it is missing.

    results.json comes first, so that nothing is lost where a page cannot be made. dataset: where it holds videos, the
    page shows sample frames.
    """
    make_folder(folder)
    write_results(folder / "results.json", results)
    write_report(folder / "index.html", results, dataset)
    write_markdown(folder / "report.md", results)
