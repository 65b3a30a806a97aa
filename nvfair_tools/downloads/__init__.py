"""Downloading public collections of talking-head recordings: listed, fetched, resumed, verified, unpacked.

Nothing here knows what the files are for; `nvfair get` is the command, docs/open_nvfair.md its page.
"""
