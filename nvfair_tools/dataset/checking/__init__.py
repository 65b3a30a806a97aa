"""Whether a data set in a folder is whole: its files to the last byte, its tables, its videos and its features."""

from nvfair_tools.dataset.checking.check import CheckReport, check_dataset
from nvfair_tools.dataset.checking.fault import Fault

__all__ = ["CheckReport", "Fault", "check_dataset"]
