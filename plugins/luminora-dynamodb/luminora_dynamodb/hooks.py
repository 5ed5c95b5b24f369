"""The plugin's hook: builds the storage, and imports it only then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.hookspecs import hookimpl
from luminora.providers import ProviderContext, StorageProvider


@hookimpl
def luminora_storage(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> StorageProvider | None:
    """The storage on DynamoDB."""
    if name != "dynamodb":
        return None
    from luminora_dynamodb.settings import settings_of
    from luminora_dynamodb.storage import DynamoDBStorage

    return DynamoDBStorage(settings_of(config, context))
