"""Fingerprinting methods: what the benchmark asks of one, the networks that ship, and files that stand in for one."""
