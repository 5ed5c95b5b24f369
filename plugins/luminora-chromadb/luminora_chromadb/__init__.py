"""Luminora's vectors in Chroma: a local folder, or a server."""
