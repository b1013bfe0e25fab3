"""Golden rows: rows and their answers that a model carries with it, and that are scored again wherever it is loaded."""

KEY = "edgeonnx.golden"
"""Of the entry of a model's metadata that holds the rows."""
