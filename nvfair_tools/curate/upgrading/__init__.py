"""Taking a data set of the first format to the present one, without rendering."""

from nvfair_tools.curate.upgrading.upgrade import UpgradeOutcome, upgrade

__all__ = ["UpgradeOutcome", "upgrade"]
