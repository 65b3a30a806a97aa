"""The folder of a report: results.json, index.html, report.md, and who-drives.html for those who want no tables."""

from __future__ import annotations

from pathlib import Path

from benchmark.evaluation.results import EvaluationResults, write_results
from benchmark.report.markdown import write_markdown
from benchmark.report.names import results_for_pages
from benchmark.report.page import write_report
from benchmark.report.single_videos_page import PAGE, write_single_videos_page
from nvfair_tools.dataset import Dataset
from nvfair_tools.files import make_folder


def write_report_folder(folder: Path, results: EvaluationResults, dataset: Dataset | None = None) -> str:
    """Writes results.json, index.html and report.md to `folder`, which is made where it is missing.

    Where the folder has the evidence of an evaluation, who-drives.html shows single videos, right and wrong. Returns
    why there is no such page, "" where there is. results.json comes first, so that nothing is lost where a page cannot
    be made. dataset: where it holds videos, the pages show frames of them. Whoever it says may not be shown has no name
    on the pages.
    """
    make_folder(folder)
    write_results(folder / "results.json", results)
    reason = write_single_videos_page(folder, results, dataset)
    public = results_for_pages(results, dataset)
    write_report(folder / "index.html", public, dataset, single_videos="" if reason else PAGE)
    write_markdown(folder / "report.md", public)
    return reason
