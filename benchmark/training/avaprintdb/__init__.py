"""Training AVAPrintDB's networks (arXiv 2603.26934) on the release's files, by the recipes of its authors."""
