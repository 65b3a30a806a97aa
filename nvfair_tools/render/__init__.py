"""Rendering with the generators, which no other room imports (except the render stage and the command)."""
