"""The core alone simulates, opens and reads a data set, and its commands say what they need."""

from support import nvfair, small_cohort

import nvfair_tools

folder = small_cohort()
data = nvfair_tools.open(folder)
video = data.usable()["video"].iloc[0]
assert data.tracks([video]).landmarks.shape[1:] == (126, 2)
assert nvfair("--version") == f"nvfair, version {nvfair_tools.__version__}\n"
assert "dataset" in nvfair("--help")
nvfair("doctor")
nvfair("protocols", "list")
nvfair("dataset", "info", folder)
assert "nvfair-tools[train]" in nvfair("train", folder, "run", "-g", "sim-keypoint", status=1)
