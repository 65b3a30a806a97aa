"""A data set on disk: schema, writing its parts, reading it back. Needs only numpy, pandas and pyarrow."""

from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.schema import FORMAT_VERSION, LANDMARK_COUNT
from nvfair_tools.dataset.tracks import TrackTable

__all__ = ["FORMAT_VERSION", "LANDMARK_COUNT", "Dataset", "TrackTable"]
