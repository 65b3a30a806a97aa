"""Running a build's stages over their items so that finished work is kept and every result is recorded."""
