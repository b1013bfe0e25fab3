"""Parity with every source of models: recipes that train, what is measured of them, and the page that shows it."""
