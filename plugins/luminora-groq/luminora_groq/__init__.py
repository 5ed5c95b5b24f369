"""Groq for Luminora; see ``luminora-plugin.json``."""
