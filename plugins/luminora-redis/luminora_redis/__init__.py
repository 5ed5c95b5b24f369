"""Luminora on Redis: the storage `redis` and the cache `redis`."""
