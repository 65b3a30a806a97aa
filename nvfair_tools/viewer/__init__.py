"""The local page of `nvfair view`, on which a curator looks through a data set. Nothing is written."""
