"""Plans: which clip drives which face by which generator, as columns, and as tables that can be kept and compared."""
