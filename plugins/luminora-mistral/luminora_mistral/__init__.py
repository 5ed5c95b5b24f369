"""Mistral AI's models for Luminora; see ``luminora-plugin.json``."""
