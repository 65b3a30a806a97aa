"""Whether the drivers' expressions arrive in what the warps render, on clips of acted emotion.

`python -m examples.studies.expressions CLIPS OUT`; docs/generators.md has the figures.
"""
