"""Consent of the people in a data set: what was agreed, and how a person leaves again."""
