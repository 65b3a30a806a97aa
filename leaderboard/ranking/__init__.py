"""From stored results to the rows of a board: places, comparisons, filters, and what may be shown."""
