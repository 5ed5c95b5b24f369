"""OpenAI for Luminora; see ``luminora-plugin.json``."""
