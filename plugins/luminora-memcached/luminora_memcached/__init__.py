"""Luminora on memcached: the cache `memcached`."""
