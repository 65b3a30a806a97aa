"""Trials: which pairs of videos a protocol compares, by rule."""
