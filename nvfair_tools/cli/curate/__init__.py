"""Commands for curators."""
