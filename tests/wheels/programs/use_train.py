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
