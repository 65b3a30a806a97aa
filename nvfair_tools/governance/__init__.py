"""Consent: who agreed to what, which licence permits what, one function that decides, and how a person leaves again."""
