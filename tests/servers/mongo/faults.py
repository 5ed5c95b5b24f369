"""What a command can fail with, and the fail points that make it fail on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TRANSIENT = "TransientTransactionError"


class CommandError(Exception):
    """An error reply."""

    def __init__(
        self, code: int, name: str, message: str, *, labels: Sequence[str] = (), **extra: Any
    ) -> None:
        super().__init__(message)
        self.code, self.name, self.message = code, name, message
        self.labels = list(labels)
        self.extra = extra

    def reply(self) -> dict[str, Any]:
        """The document that is sent."""
        found = {
            "ok": 0.0,
            "errmsg": self.message,
            "code": self.code,
            "codeName": self.name,
            **self.extra,
        }
        return {**found, "errorLabels": self.labels} if self.labels else found


class Busy(Exception):
    """Another transaction holds what a single write wants: the server waits for it to end."""


class Hangup(Exception):
    """The connection is cut without an answer."""


def bad(message: str) -> CommandError:
    return CommandError(2, "BadValue", message)


def write_conflict() -> CommandError:
    return CommandError(
        112,
        "WriteConflict",
        "Caused by :: Write conflict during plan execution.",
        labels=[TRANSIENT],
    )


def no_transaction(number: int) -> CommandError:
    text = f"Given transaction number {number} does not match any in-progress transactions."
    return CommandError(251, "NoSuchTransaction", text, labels=[TRANSIENT])


def duplicate(namespace: str, index: str, value: Mapping[str, Any]) -> CommandError:
    text = f"E11000 duplicate key error collection: {namespace} index: {index} dup key: {value!r}"
    return CommandError(
        11000, "DuplicateKey", text, keyPattern=dict.fromkeys(value, 1), keyValue=dict(value)
    )


class FailPoints:
    """``configureFailPoint: "failCommand"``, as the server's test commands document it."""

    def __init__(self) -> None:
        self.left: float = 0
        self.data: Mapping[str, Any] = {}

    def configure(self, mode: Any, data: Mapping[str, Any]) -> None:
        """Set or clear it; ``mode`` is ``"off"``, ``"alwaysOn"`` or ``{"times": n}``."""
        if mode == "alwaysOn":
            self.left = float("inf")
        else:
            self.left = mode["times"] if isinstance(mode, dict) else 0
        self.data = data

    def strike(self, command: str) -> Mapping[str, Any] | None:
        """What has to happen to this command, if anything; counts it."""
        if self.left <= 0 or command not in self.data.get("failCommands", ()):
            return None
        self.left -= 1
        return self.data
