"""Migrating a PostgreSQL database."""
