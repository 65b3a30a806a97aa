"""Stages over items: what is finished is kept, what is missing is done, every result is recorded."""
