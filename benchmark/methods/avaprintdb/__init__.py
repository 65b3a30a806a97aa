"""AVAPrintDB's networks (arXiv 2603.26934): published files of weights, and the network on frame features."""
