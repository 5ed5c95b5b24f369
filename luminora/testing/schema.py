"""A migrated database for a storage under test."""

from __future__ import annotations

from luminora.migrations.render import Parameters
from luminora.migrations.runner import MigrationRunner
from luminora.providers.storage import StorageProvider


async def migrate(storage: StorageProvider, *, dimension: int = 8) -> None:
    """Apply Luminora's own migrations to the storage's database; done already is fine.

    Args:
        storage: Connected or not: migrations go through a connection of their own.
        dimension: Length of embeddings, where the storage's tables hold them.

    Raises:
        MigrationError: The schema cannot be brought up to date.
    """
    driver = storage.migrations()
    parameters = Parameters(dimension=dimension, table_prefix=driver.table_prefix)
    await MigrationRunner(driver, parameters=parameters).migrate()
