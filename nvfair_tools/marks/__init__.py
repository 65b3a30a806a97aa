"""Marks of published videos: signed C2PA manifests, a check of every mark, and finding copies that have lost theirs."""
