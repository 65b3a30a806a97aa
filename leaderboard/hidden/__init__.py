"""Hidden test sets: the blind copy that is given out, and the key that stays."""
