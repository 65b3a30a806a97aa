"""Real people of whom only landmark tracks may be used: can methods tell them apart by how they move another face?

docs/experiments/real_people.md says how it is done and what came out.
"""
