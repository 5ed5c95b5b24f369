"""Luminora's vectors in FAISS: exact, inside the process, durable on disk."""
