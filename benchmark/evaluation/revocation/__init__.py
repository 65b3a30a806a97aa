"""What methods have made of a person: found in folders of checkpoints, embeddings, reports and bundles, and removed."""
