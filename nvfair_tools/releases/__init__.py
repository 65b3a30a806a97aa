"""Importing published releases (NVFAIR, AVAPrintDB) into our data-set format; their videos are already rendered."""
