"""[hub] asks for a card, which [curate] writes, before it plans what would be sent to the Hub."""

import datasets
import huggingface_hub
from support import nvfair, small_cohort

from nvfair_tools.dataset.hub import plan_push, send

answer = nvfair("dataset", "push", small_cohort(), "lab/clips", status=1)
assert "nvfair dataset card cohort" in answer, answer
assert "pip install" not in answer, answer
assert callable(plan_push)
assert callable(send)
assert datasets.__version__
assert huggingface_hub.HfApi()
