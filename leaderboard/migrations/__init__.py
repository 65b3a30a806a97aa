"""How the board's tables came to be what they are, one step a file. `leaderboard/store/schema.py` runs them."""
