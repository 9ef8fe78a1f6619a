"""The catalogue of published releases."""
