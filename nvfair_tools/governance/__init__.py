"""Who agreed to what, which licence permits what, and one pure function that decides. No file is read here but data."""
