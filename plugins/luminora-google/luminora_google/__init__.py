"""Gemini for Luminora: conversation and embeddings; see ``luminora-plugin.json``."""
