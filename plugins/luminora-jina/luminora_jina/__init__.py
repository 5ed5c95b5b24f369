"""Jina AI's embeddings for Luminora; see ``luminora-plugin.json``."""
