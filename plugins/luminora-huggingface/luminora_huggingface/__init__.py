"""Hugging Face for Luminora; see ``luminora-plugin.json``."""
