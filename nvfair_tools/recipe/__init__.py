"""What a curator asks for: the recipe, the list of clips, the splits, the landmarker."""
