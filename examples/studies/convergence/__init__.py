"""Do the paper's orderings come back on simulated people once training has converged?

    python -m examples.studies.convergence FOLDER --worlds world1

One resumable command. It simulates each world, trains every method with each seed until validation flattens, scores it
on the test people of every generator, and prints learning curves and tables (docs/experiments/orderings.md).
"""
