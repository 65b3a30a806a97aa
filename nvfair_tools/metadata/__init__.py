"""What machines and people read about a data set before they open it: Croissant, a data sheet, DataCite and Zenodo.

`description` gathers what the tables know, `statements` puts it into sentences, `croissant`, `datasheet`, `datacite`
and `zenodo` each write one file from both, `writing` writes them all. Nothing is added that the tables do not know.
"""
