"""[hub] writes the card that a set lacks, and plans what would be sent to the Hub."""

import huggingface_hub
from support import nvfair, small_cohort

folder = small_cohort()
answer = nvfair("dataset", "push", folder, "lab/clips", status=1)
assert f"nvfair dataset card {folder}" in answer, answer
assert "pip install" not in answer, answer
nvfair("dataset", "card", folder)
assert (folder / "card" / "videos.png").stat().st_size > 0
nvfair("dataset", "card", folder, "--check")
plan = nvfair("dataset", "push", folder, "lab/clips")
assert "frames/" in plan, plan
assert "nothing was sent" in plan, plan
assert huggingface_hub.HfApi()
