"""Training of a network: batches, losses, augmentation, the loop, and the choice of the best checkpoint."""
