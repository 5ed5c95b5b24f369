"""Whether what this server acknowledges is still there after a crash, as far as it tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from redis.exceptions import RedisError

from luminora_redis.connection import Command

OLDEST: Final = (6, 2)
WAITAOF: Final = (7, 2)
"""The first version that can be asked to wait for its disk."""

QUESTIONS: Final[tuple[Command, ...]] = (
    ("INFO", "server"),
    ("INFO", "persistence"),
    ("INFO", "memory"),
    ("INFO", "replication"),
    ("CONFIG", "GET", "appendfsync"),
    ("CONFIG", "GET", "save"),
)
"""What to ask; hosted servers often refuse the last two."""

_FORGETFUL: Final = "redis-cli CONFIG SET appendonly yes; redis-cli CONFIG SET appendfsync always"
_KEEP: Final = "then redis-cli CONFIG REWRITE keeps it"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server says of itself.

    Attributes:
        version: Its numbers; empty if it does not say.
        appendonly: Whether every write goes to a log.
        appendfsync: When the log goes to the disk: ``always``, ``everysec``, ``no``.
        save: When snapshots are made; empty for never.
        policy: What goes when memory is full.
        bounded: Whether memory has a bound.
        replica: Whether it follows another server.
    """

    version: tuple[int, ...] = ()
    appendonly: bool | None = None
    appendfsync: str | None = None
    save: str | None = None
    policy: str | None = None
    bounded: bool = False
    replica: bool = False
    memory: int | None = None
    trouble: Sequence[str] = field(default_factory=tuple)

    @classmethod
    def of(cls, answers: Sequence[Any]) -> Self:
        """The facts in the answers to :data:`QUESTIONS`, errors among them."""
        told: dict[str, str] = {}
        for answer in answers[:4]:
            told |= _told(answer)
        appendonly, policy = told.get("aof_enabled"), told.get("maxmemory_policy")
        failed = [
            name
            for name in ("aof_last_write_status", "rdb_last_bgsave_status")
            if told.get(name) == "err"
        ]
        return cls(
            version=_numbers(told.get("redis_version", "")),
            appendonly=None if appendonly is None else appendonly == "1",
            appendfsync=_setting(answers[4]),
            save=_setting(answers[5]),
            policy=policy,
            bounded=told.get("maxmemory", "0") != "0",
            replica=told.get("role", "master") != "master",
            memory=int(told["used_memory"]) if "used_memory" in told else None,
            trouble=tuple(failed),
        )

    @property
    def durable(self) -> bool:
        """Whether a crash of the server is known to cost a second's writes at most."""
        logged = self.appendonly is True and self.appendfsync != "no"
        return logged and not self.evicting and not self.trouble

    @property
    def evicting(self) -> bool:
        """Whether the server deletes memories when its memory is full."""
        return self.bounded and (self.policy or "").startswith("allkeys")

    @property
    def warnings(self) -> list[str]:
        """What is wrong, each with the commands that mend it."""
        found = []
        if self.appendonly is False:
            lost = (
                f"only snapshots are kept (save {self.save}): a crash costs what came after the "
                "last one"
                if self.save
                else "nothing is known to be written to disk: a restart costs everything"
                if self.save is None
                else "nothing is written to disk: a restart costs everything"
            )
            found.append(f"{lost}. {_FORGETFUL}; {_KEEP}")
        elif self.appendonly and self.appendfsync == "no":
            found.append(
                "the log reaches the disk whenever the system likes. "
                f"redis-cli CONFIG SET appendfsync always; {_KEEP}"
            )
        if self.evicting:
            found.append(
                f"memories are deleted when memory is full (maxmemory-policy {self.policy}). "
                f"redis-cli CONFIG SET maxmemory-policy noeviction; {_KEEP}"
            )
        if self.trouble:
            found.append(
                f"the server fails to write to its disk ({', '.join(self.trouble)}): make room "
                "there and look into its log"
            )
        if self.replica:
            found.append("this is a replica, which cannot be written to: connect to its primary")
        return found

    @property
    def promise(self) -> str:
        """What an acknowledged write may expect."""
        if self.appendonly is None:
            return "whether it keeps anything on disk is unknown"
        if not self.appendonly:
            return "not durable"
        match self.appendfsync:
            case "always":
                return "what is acknowledged is on disk"
            case "everysec":
                return "a power cut may cost the last second (appendfsync everysec)"
            case "no":
                return "a power cut may cost the last half minute (appendfsync no)"
            case _:
                return "every write is logged; when the log reaches the disk is unknown"

    @property
    def shown(self) -> str:
        """The version, for people."""
        return ".".join(map(str, self.version)) or "of unknown version"


def _told(answer: Any) -> Mapping[str, str]:
    """The lines ``name:value`` of an INFO; nothing if it was refused."""
    if isinstance(answer, RedisError) or not isinstance(answer, bytes):
        return {}
    pairs = (line.partition(":") for line in answer.decode("utf-8", "replace").splitlines())
    return {name: value for name, colon, value in pairs if colon}


def _setting(answer: Any) -> str | None:
    """The value in the answer to a CONFIG GET; None if it was refused."""
    if isinstance(answer, RedisError) or not answer:
        return None
    return bytes(answer[1]).decode("utf-8", "replace")


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    return tuple(int(part) for part in parts) if all(map(str.isdecimal, parts)) else ()
