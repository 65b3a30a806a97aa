"""Evaluations of what is named: data sets, methods and protocols by value, by name or by path."""
