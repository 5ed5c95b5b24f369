"""Luminora on PostgreSQL: the storage `postgresql` and the vector store `pgvector`."""
