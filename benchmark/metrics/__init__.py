"""Figures as pure functions of scores and people: ROC, thresholds, costs, curves, intervals, differences."""
