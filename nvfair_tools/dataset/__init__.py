"""A data set on disk: its schema, a writer and a reader. Needs only numpy, pandas and pyarrow."""

from nvfair_tools.dataset.mapped_tracks import MappedTracks
from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.schema import FORMAT_VERSION, LANDMARK_COUNT
from nvfair_tools.dataset.tracks import FrameRows, TrackTable

__all__ = ["FORMAT_VERSION", "LANDMARK_COUNT", "Dataset", "FrameRows", "MappedTracks", "TrackTable"]
