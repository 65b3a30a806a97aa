"""One evaluation from a data set to its results: sections, cached work, checks of overlap, comparison, reproduction."""
