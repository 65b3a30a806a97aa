"""A page on this machine alone: drop a video, see whether the enrolled person drives it (`nvfair verify-page`)."""
