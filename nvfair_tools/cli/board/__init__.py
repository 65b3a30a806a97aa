"""The commands that submit to a board, and those that keep one."""
