"""Luminora's vectors in Qdrant: a server, Qdrant Cloud, or a local folder."""
