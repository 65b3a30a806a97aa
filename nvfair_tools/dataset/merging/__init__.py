"""Joining data sets into one: their files as they are, their tables and records written anew."""

from nvfair_tools.dataset.merging.merge import MergePlan, plan_merge, write_merged
from nvfair_tools.dataset.merging.source import MergeSource, read_source

__all__ = ["MergePlan", "MergeSource", "plan_merge", "read_source", "write_merged"]
