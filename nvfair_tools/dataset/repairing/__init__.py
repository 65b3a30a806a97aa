"""Mending a damaged data set: from other copies of it, from what is left of its own files, and by their hashes."""

from nvfair_tools.dataset.repairing.repair import RepairReport, repair_dataset
from nvfair_tools.dataset.repairing.sources import FileSource

__all__ = ["FileSource", "RepairReport", "repair_dataset"]
