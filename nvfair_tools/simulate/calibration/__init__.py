"""Settings of simulated people, fitted to statistics of real motion."""
