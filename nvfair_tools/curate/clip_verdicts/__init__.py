"""What the checks of a recipe say about each clip."""
