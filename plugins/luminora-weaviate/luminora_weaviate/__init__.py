"""Weaviate as a vector store for Luminora; see ``luminora-plugin.json``."""
