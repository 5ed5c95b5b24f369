"""A double of MongoDB: its wire protocol and the part of its semantics that storages rely on.

It is not MongoDB. It speaks OP_MSG to the official driver, keeps what it acknowledged through a
kill, and holds to the documented rules of transactions, write conflicts, unique and partial
indexes, validators, SCRAM-SHA-256, retryable writes, fail points and ``$vectorSearch`` (exact
cosine). Filters are decided by mongomock, so that they are not judged by our own reading alone.
"""
