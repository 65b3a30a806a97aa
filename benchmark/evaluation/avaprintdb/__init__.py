"""AVAPrintDB's benchmark (arXiv 2603.26934) from the release's files and its lists of trials."""
