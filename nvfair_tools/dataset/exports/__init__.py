"""Exports of a data set in layouts of others: copies of what may be passed on, each with its terms."""

from nvfair_tools.dataset.exports.export import ExportReport, export_dataset
from nvfair_tools.dataset.exports.targets import TARGETS

__all__ = ["TARGETS", "ExportReport", "export_dataset"]
