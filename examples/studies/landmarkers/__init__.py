"""How far two landmarkers put the points of the same faces apart, and what that does to features and scores."""
