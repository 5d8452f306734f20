"""Searching the catalogues of the world: asked through the fetcher, kept as rows, shown as text."""
