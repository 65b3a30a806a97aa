"""From recordings to a data set: checks, ingest, portraits, pairs, rendering, landmarks, shards, tables, card."""
