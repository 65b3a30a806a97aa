"""The names of NVFAIR's folders and of its table, as the release has them (ECCV 2024, arXiv 2305.03713)."""

from __future__ import annotations

SPREADSHEET = "per_file_information_NVFAIR_v2.xlsx"
ORIGINALS = "originals"
# The release's folders -> the labels of our own generators of that kind.
GENERATORS = {"facevid2vid-generated": "face-vid2vid", "lia-generated": "lia", "tps-generated": "tps"}
