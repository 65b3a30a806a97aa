"""A data set as a holder of derived data: what it has of a person is found, and removed in repeatable steps."""
