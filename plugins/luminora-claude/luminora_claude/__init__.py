"""Anthropic's Claude as a language model for Luminora; see ``luminora-plugin.json``."""
