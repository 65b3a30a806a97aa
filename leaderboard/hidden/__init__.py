"""Hidden test sets: the blind copy that authors get, and the key, which stays with the board."""
