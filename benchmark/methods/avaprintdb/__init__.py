"""AVAPrintDB (arXiv 2603.26934): its networks on landmarks and on frame features, and its published files."""
