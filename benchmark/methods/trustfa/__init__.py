"""TrustFA (arXiv 2604.23247): differences of pictures' features over time, without a face detector or landmarks."""
