"""The conformance suite of storages."""

from __future__ import annotations

from luminora.testing.storage_rows import RowTests
from luminora.testing.storage_users import UserTests
from luminora.testing.storage_values import ValueTests
from luminora.testing.storage_words import WordTests
from luminora.testing.storage_writes import WriteTests


class StorageConformance(UserTests, WriteTests, RowTests, ValueTests, WordTests):
    """What every storage has to do; see :mod:`luminora.testing`.

    ``make_provider`` returns a connected storage with Luminora's schema in it, which
    :func:`luminora.testing.migrate` brings about.

    Capabilities: ``isolation``, ``transactions``, ``conflicts``, ``concurrency``, ``lifecycle``,
    ``find``, ``paging``, ``jobs``, ``unicode``, ``documents``, ``timestamps``, ``numbers``,
    ``full_text``.
    """
