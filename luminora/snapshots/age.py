"""Encryption in the age format (age-encryption.org/v1), which the ``age`` command reads too.

Authenticated piece by piece: what is altered, cut or put together anew is not decrypted. With
recipients, it goes by as a stream. With a passphrase the format's library takes a snapshot whole,
so it is held in memory, compressed if it is.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final, cast

from luminora.errors import InputError

MAGIC: Final = b"age-encryption.org/"
_SCRYPT: Final = b"\n-> scrypt "
_PEEK: Final = 64
_INSTALL: Final = "pip install 'luminora[encryption]'"


@dataclass(frozen=True, slots=True)
class Lock:
    """How a snapshot is locked or unlocked; without anything it is not.

    Attributes:
        passphrase: What whoever knows it may read it by.
        recipients: Public keys it is locked for: ``age1…``, or an OpenSSH public key.
        identities: Private keys that unlock it: the text of age or OpenSSH key files.
    """

    passphrase: str | None = field(default=None, repr=False)
    recipients: Sequence[str] = ()
    identities: Sequence[str] = field(default=(), repr=False)

    @property
    def locks(self) -> bool:
        """Whether a file that is written under it is encrypted."""
        return self.passphrase is not None or bool(self.recipients)


def wants_passphrase(head: bytes) -> bool:
    """Whether the file that begins so was locked with a passphrase."""
    return head.startswith(MAGIC) and _SCRYPT in head[:_PEEK]


@contextmanager
def locked(target: BinaryIO, lock: Lock) -> Iterator[BinaryIO]:
    """A file whose content arrives encrypted in ``target``.

    Raises:
        InputError: The lock cannot be used.
    """
    pyrage = _library()
    if lock.passphrase is not None:
        if lock.recipients:
            raise InputError(
                "a snapshot is locked with a passphrase or for recipients, not both",
                hint="leave one of them out",
            )
        if not lock.passphrase:
            raise InputError("the passphrase is empty")
        whole = io.BytesIO()
        yield whole
        target.write(pyrage.passphrase.encrypt(whole.getvalue(), lock.passphrase))
        return
    recipients = [_recipient(pyrage, text) for text in lock.recipients]
    with _Pump(lambda inner: pyrage.encrypt_io(inner, target, recipients)).feeding() as writer:
        yield writer


def opened(data: bytes, lock: Lock) -> bytes:
    """The content of a file that was locked with a passphrase.

    Raises:
        InputError: There is no passphrase, it is another, or the file was damaged.
    """
    pyrage = _library()
    if not lock.passphrase:
        raise InputError(
            "the snapshot is locked with a passphrase",
            hint="put it into an environment variable and name that: --passphrase-env NAME",
        )
    with _told(pyrage, "the passphrase is wrong, or the snapshot is damaged"):
        content: bytes = pyrage.passphrase.decrypt(data, lock.passphrase)
    return content


@contextmanager
def unlocked(source: BinaryIO, lock: Lock) -> Iterator[BinaryIO]:
    """The content of a file that was locked for recipients, as a stream.

    Raises:
        InputError: No identity unlocks it, or it was damaged; the latter may be noticed only when
            it has been read to its end.
    """
    pyrage = _library()
    identities = [one for text in lock.identities for one in _identities(pyrage, text)]
    if not identities:
        raise InputError(
            "the snapshot is locked for the holder of a key",
            hint="name the file of the private key: --identity FILE",
        )
    pump = _Pump(lambda inner: pyrage.decrypt_io(source, inner, identities))
    with (
        _told(pyrage, "none of the keys unlocks the snapshot, or it is damaged"),
        pump.drained() as reader,
    ):
        yield reader


class _Pump:
    """Runs a function that copies from one file to another, and stands at its other end.

    Args:
        copy: Reads from the pipe or writes to it until there is nothing left.
    """

    def __init__(self, copy: Callable[[BinaryIO], None]) -> None:
        self._copy = copy
        self._error: BaseException | None = None
        self._reader, self._writer = os.pipe()

    @contextmanager
    def feeding(self) -> Iterator[BinaryIO]:
        """The end to write to."""
        with self._running(self._reader, "rb"), os.fdopen(self._writer, "wb") as writer:
            yield writer

    @contextmanager
    def drained(self) -> Iterator[BinaryIO]:
        """The end to read from."""
        with self._running(self._writer, "wb"), os.fdopen(self._reader, "rb") as reader:
            yield reader

    @contextmanager
    def _running(self, end: int, mode: str) -> Iterator[None]:
        """Copying meanwhile; what went wrong there explains what went wrong here."""
        thread = threading.Thread(target=self._run, args=(os.fdopen(end, mode),), daemon=True)
        thread.start()
        trouble: BaseException | None = None
        try:
            yield
        except Exception as error:  # noqa: BLE001 - raised below, unless it has a cause there
            trouble = error
        finally:
            thread.join()
        if self._error is not None and not isinstance(self._error, BrokenPipeError):
            raise self._error
        if trouble is not None:
            raise trouble

    def _run(self, end: BinaryIO) -> None:
        try:
            self._copy(end)
        except BaseException as error:  # noqa: BLE001 - raised at the other end
            self._error = error
        finally:
            with suppress(BrokenPipeError):
                end.close()


@contextmanager
def _told(pyrage: Any, message: str) -> Iterator[None]:
    """The library's errors, and a broken stream, in our words."""
    try:
        yield
    except (pyrage.DecryptError, OSError) as error:
        raise InputError(message) from error


def _recipient(pyrage: Any, text: str) -> Any:
    try:
        kind = pyrage.ssh if text.startswith("ssh-") else pyrage.x25519
        return kind.Recipient.from_str(text.strip())
    except pyrage.RecipientError:
        raise InputError(
            f"{text[:80]!r} is not a recipient",
            hint="give a public key as age-keygen prints it (age1…), or an OpenSSH one (ssh-…)",
        ) from None


def _identities(pyrage: Any, text: str) -> Iterator[Any]:
    """The keys in the text of a key file; it is never quoted."""
    try:
        if "PRIVATE KEY-----" in text:
            yield pyrage.ssh.Identity.from_buffer(text.encode())
            return
        for entry in text.splitlines():
            if entry.strip() and not entry.startswith("#"):
                yield pyrage.x25519.Identity.from_str(entry.strip())
    except (pyrage.IdentityError, ValueError):
        raise InputError(
            "an identity is not a private key",
            hint="name a file that age-keygen or ssh-keygen wrote",
        ) from None


def _library() -> Any:
    try:
        import pyrage  # noqa: PLC0415 - an extra
    except ImportError:
        raise InputError("encrypted snapshots need the package pyrage", hint=_INSTALL) from None
    return cast("Any", pyrage)
