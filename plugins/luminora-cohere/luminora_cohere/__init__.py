"""Cohere's models for Luminora; see ``luminora-plugin.json``."""
