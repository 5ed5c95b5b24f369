"""Luminora's embeddings from a model on your own machine, with sentence-transformers."""
