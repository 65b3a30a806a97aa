"""[curate] builds a data set of videos, and finds it whole."""

from support import nvfair, small_recipe

import nvfair_tools

recipe = small_recipe()
nvfair("check", recipe)
nvfair("build", recipe)
data = nvfair_tools.open("clips")
assert (data.videos["state"] == "ok").all(), data.videos["reason"].tolist()
assert {"warp-dense"} <= set(data.videos["generator"].dropna())
nvfair("dataset", "check", "clips", "--full")
nvfair("dataset", "metadata", "clips")
nvfair("quality", "clips", "--out", "quality")
