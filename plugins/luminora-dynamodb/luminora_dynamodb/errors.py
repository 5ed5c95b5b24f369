"""AWS's exceptions drawn as Luminora's, in one place."""

from __future__ import annotations

from typing import Any, Final

import botocore.exceptions as aws  # type: ignore[import-untyped]

from luminora.errors import (
    AuthenticationFailed,
    ConfigError,
    CredentialsMissing,
    InputError,
    LuminoraError,
    PermissionRefused,
    SchemaPending,
    StorageError,
    StorageFull,
    StorageUnavailable,
)

_BUSY: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "Throttling",
        "RequestLimitExceeded",
        "InternalServerError",
        "ServiceUnavailable",
        "LimitExceededException",
        "TransactionInProgressException",  # its outcome is open: nothing may be built on it
    }
)
_STRANGERS: Final = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "IncompleteSignatureException",
        "MissingAuthenticationTokenException",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
    }
)
_OVERTAKEN: Final = frozenset(
    {
        "ConditionalCheckFailedException",
        "ConditionalCheckFailed",
        "TransactionConflictException",
        "TransactionConflict",
        "ReplicatedWriteConflictException",
    }
)
_CROWDED: Final = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError"})
_TRANSACTED: Final = "PutItem, UpdateItem and DeleteItem"


class Refused(Exception):
    """A condition did not hold, or another transaction had the item; nothing was written."""


def drawn(error: Exception, operation: str, place: str, table: str | None) -> Exception:
    """The exception to raise for one of botocore's.

    Args:
        error: What botocore raised.
        operation: Such as ``"PutItem"``.
        place: The endpoint or region.
        table: The table concerned, if there is just one.
    """
    where = f"{place}, table {table}" if table else place
    if isinstance(error, aws.ClientError):
        return _answered(error, operation, where)
    return _unanswered(error, place)


def _answered(error: aws.ClientError, operation: str, where: str) -> Exception:  # noqa: PLR0911 - a table
    found = error.response.get("Error", {})
    code, message = str(found.get("Code", "")), str(found.get("Message", "")) or str(error)
    if code in _OVERTAKEN:
        return Refused(code)
    if code == "TransactionCanceledException":
        return _cancelled(error.response, where)
    if code in _BUSY:
        return StorageUnavailable(
            f"DynamoDB is too busy for {operation}: {code}: {message}",
            where=where,
            hint="try again later; see the table's throttling in CloudWatch",
        )
    if code == "ResourceNotFoundException":
        return SchemaPending("a table is missing", where=where, hint="luminora migrate")
    if code in {"AccessDeniedException", "AccessDenied"}:
        action = _TRANSACTED if operation == "TransactWriteItems" else operation
        return PermissionRefused(
            f"the credentials may not do dynamodb:{action}: {message}",
            provider="dynamodb",
            code=code,
            where=where,
            hint="give the role or user that right on the tables and on their indexes (…/index/*); "
            "the README of luminora-dynamodb has the whole policy",
        )
    if code in _STRANGERS:
        return AuthenticationFailed(
            f"AWS refused the credentials: {code}",
            provider="dynamodb",
            code=code,
            where=where,
            hint="check the keys in the variables that access_key_env and secret_key_env name "
            "(or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), the region, and this clock",
        )
    if code == "ItemCollectionSizeLimitExceededException":
        return _full(where)
    return _refused(code, message, operation, where)


def _refused(code: str, message: str, operation: str, where: str) -> LuminoraError:
    if code == "ValidationException" and "size has exceeded" in message:
        return InputError("an item is larger than the 400 KB that DynamoDB stores", where=where)
    if code == "ValidationException" and "empty string" in message:
        return InputError("DynamoDB keeps no empty text in a key or index", where=where)
    if code in {"UnknownOperationException", "SerializationException"}:
        return StorageError(
            f"this server does not know {operation}",
            where=where,
            hint="use AWS itself or DynamoDB Local; dynalite, for one, has no transactions",
        )
    return StorageError(f"{operation} failed: {code}: {message}", where=where)


def _cancelled(response: Any, where: str) -> Exception:
    reasons = response.get("CancellationReasons") or []
    codes = {str(one.get("Code", "None")) for one in reasons} - {"None"}
    if codes & _OVERTAKEN or not codes:
        return Refused(", ".join(sorted(codes)))
    if "ItemCollectionSizeLimitExceeded" in codes:
        return _full(where)
    if codes & _CROWDED:
        return StorageUnavailable(
            "DynamoDB is too busy for a transaction", where=where, hint="try again later"
        )
    told = next((str(one.get("Message")) for one in reasons if one.get("Message")), "")
    return _refused("ValidationException", told, "TransactWriteItems", where)


def _full(where: str) -> StorageFull:
    return StorageFull(
        "one user's rows in a table exceed the 10 GB that DynamoDB keeps under one key",
        where=where,
        hint="forget old messages of that user",
    )


def _unanswered(error: Exception, where: str) -> Exception:  # noqa: PLR0911 - a table
    match error:
        case aws.NoCredentialsError() | aws.PartialCredentialsError():
            return CredentialsMissing(
                "there are no AWS credentials: neither AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY nor a profile nor a role of this machine",
                where=where,
                hint="export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name your own "
                "variables with access_key_env and secret_key_env in luminora.json",
            )
        case aws.ProfileNotFound():
            return ConfigError(str(error), hint="aws configure list-profiles shows them")
        case aws.NoRegionError():
            return ConfigError(
                "provider 'dynamodb' has no region", hint='set "region", or AWS_REGION'
            )
        case aws.CredentialRetrievalError() | aws.TokenRetrievalError() | aws.SSOError():
            return AuthenticationFailed(
                f"AWS's credentials cannot be read: {error}", provider="dynamodb", where=where
            )
        case aws.ParamValidationError():
            return InputError(f"DynamoDB takes no such request: {error}", where=where)
        case aws.SSLError():
            return StorageUnavailable(f"no encrypted connection: {error}", where=where)
        case aws.ReadTimeoutError() | aws.ConnectTimeoutError():
            return StorageUnavailable(
                "no answer within the deadline",
                where=where,
                hint="is the server up? connect_timeout_seconds and timeout_seconds are the "
                "deadlines",
            )
        case aws.HTTPClientError() | aws.ConnectionError():
            return StorageUnavailable(
                f"cannot be reached ({type(error).__name__})",
                where=where,
                hint="check the network, the region and endpoint_url",
            )
        case aws.BotoCoreError():
            return StorageError(f"{type(error).__name__}: {error}", where=where)
    return error
