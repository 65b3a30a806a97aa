"""Cutting long and edited footage into clips of one person each."""
