"""[train] trains a network, scores it and writes the report."""

from pathlib import Path

from support import nvfair, small_cohort

import benchmark
import nvfair_tools

data = nvfair_tools.open(small_cohort())
run = benchmark.train(data, "cnn", generators=["sim-keypoint"], method="temporal-cnn", windows=64, batch=16, drivers=2)
result = benchmark.evaluate(data, [run, "pretrained:motion-signature"], protocols="nvfair-seen", out="report")
assert result.cells
assert Path("report/index.html").stat().st_size > 10_000
nvfair("compare", "cohort", "cnn", "pretrained:motion-signature")
nvfair("embed", "cohort", "embeddings.parquet", "--checkpoint", "cnn")

# What a command looks at before it begins asks for nothing of other extras.
training = ("train", "cohort", "second", "-g", "sim-keypoint", "--method", "temporal-cnn")
evaluation = ("evaluate", "cohort", "--checkpoint", "cnn", "--out", "second")
for words in (training, evaluation):
    answer = nvfair(*words, "--dry-run")
    assert "nothing was written" in answer, answer
    assert not Path("second").exists()
