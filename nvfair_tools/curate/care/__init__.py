"""Care of a finished data set by what made it: mending it, writing its card anew, joining it with others."""
