"""Commands for method authors."""
