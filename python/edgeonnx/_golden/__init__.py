"""Golden rows: rows and their answers that a model carries with it, and that are scored again wherever it is loaded."""
