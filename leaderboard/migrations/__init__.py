"""The steps that create and change the board's tables, one a file. `leaderboard/store/schema.py` runs them."""
