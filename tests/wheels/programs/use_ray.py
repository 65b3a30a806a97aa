"""[ray] builds a data set on a Ray that it starts here."""

from support import nvfair, small_recipe

import nvfair_tools

nvfair("build", small_recipe(), "--address", "local")
data = nvfair_tools.open("clips")
assert (data.videos["state"] == "ok").all(), data.videos["reason"].tolist()
