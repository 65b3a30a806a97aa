"""What a data set and its card say: a summary in one screen, and the YAML of the card as the Hub reads it."""
