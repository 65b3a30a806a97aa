"""The migration steps of the board's tables, in order."""
