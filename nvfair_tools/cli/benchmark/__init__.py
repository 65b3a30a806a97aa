"""The commands that method authors use: train, embed, evaluate, compare, reproduce."""
