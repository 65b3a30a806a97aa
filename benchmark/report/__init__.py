"""The report: one HTML file that needs nothing else, neither network nor scripts, and the same tables as Markdown."""

from benchmark.report.folder import write_report_folder
from benchmark.report.markdown import write_markdown
from benchmark.report.page import write_report

__all__ = ["write_markdown", "write_report", "write_report_folder"]
