"""Engines: the places where a stage's items run. `engine` has what they share; each engine has a module of its own."""
