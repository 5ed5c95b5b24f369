"""The client's methods around snapshots; they live here so that the client stays one room."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luminora.errors import InputError
from luminora.memory.jobs import JobQueue
from luminora.memory.models import Session
from luminora.memory.personas import Personas
from luminora.memory.recall import Memory
from luminora.memory.semantic import SemanticIndex
from luminora.memory.validate import checked_id
from luminora.providers import StorageProvider

if TYPE_CHECKING:
    from luminora.snapshots.examine import SnapshotInfo
    from luminora.snapshots.export import Export, Progress
    from luminora.snapshots.restore import Restored


class Snapshots:
    """Everything about a user or a session, out of one stack and into another."""

    _storage: StorageProvider
    _index: SemanticIndex
    _memory: Memory
    _personas: Personas
    _queue: JobQueue

    @abstractmethod
    async def _ready(self, *, adapt: bool = False) -> None:
        """Open the stack if it is not open yet."""

    @abstractmethod
    async def get_session(self, session_id: str) -> Session:
        """The session of that id."""

    async def export_snapshot(
        self, session_id: str, include_options: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """What a session draws on, as one mapping that JSON can be made of.

        Its messages, classifications and mood; the facts and episodes its personality may recall;
        their affinity; and the persona. It is held in memory: for much, or for all of a user,
        there is :meth:`export_snapshot_to`.

        Args:
            session_id: The session.
            include_options: ``"vectors"`` (True brings the messages' vectors along) and
                ``"redact"`` (rules for what is masked or left out; see docs/snapshots.md).

        Raises:
            SessionNotFound: No such session.
            InputError: No such option or rule.
        """
        export = self._export(include_options)
        session = await self.get_session(session_id)
        return await export.document(session.user_id, session)

    async def export_snapshot_to(
        self,
        path: str | Path,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        include_options: Mapping[str, Any] | None = None,
        passphrase: str | None = None,
        recipients: Sequence[str] = (),
        on_progress: Progress | None = None,
    ) -> SnapshotInfo:
        """Write the snapshot of a user, or of one session, to a file, row by row.

        The file appears when it is complete, readable by its owner alone, and takes the place of
        one that is there. It is compressed if its name ends in ``.gz`` or ``.gz.age``.

        Args:
            path: Where to.
            user_id: Whose; left out, the session's user.
            session_id: One session, as :meth:`export_snapshot` has it; left out, everything about
                the user.
            include_options: See :meth:`export_snapshot`.
            passphrase: Encrypts the file, in the age format.
            recipients: Public keys to encrypt it for instead: ``age1…`` or ``ssh-…``.
            on_progress: Called with rows done, rows in all, and what is being done.

        Raises:
            SessionNotFound: There is nothing to export.
            InputError: The file cannot be written, or an argument cannot be used.
        """
        from luminora.snapshots.age import Lock  # noqa: PLC0415 - rarely asked
        from luminora.snapshots.files import written_aside  # noqa: PLC0415

        export = self._export(include_options)
        await self._ready()
        session = None if session_id is None else await self.get_session(session_id)
        owner = checked_id(user_id or (session.user_id if session else user_id), "user_id")
        if session is not None and session.user_id != owner:
            raise InputError(
                f"the session '{session_id:.80}' is another user's",
                hint="leave out user_id, or leave out session_id to export all of that user",
            )
        lock = Lock(passphrase, tuple(recipients))
        async with written_aside(Path(path), lock) as file:
            return await export.write(file, owner, session, on_progress)

    def _export(self, options: Mapping[str, Any] | None) -> Export:
        from luminora.snapshots.export import Export, Options  # noqa: PLC0415 - rarely asked

        chosen = Options.of(options)
        return Export(self._storage, self._index, self._memory, self._personas, chosen)

    async def import_snapshot(
        self,
        snapshot_file: str | Path | Mapping[str, Any],
        user_id: str,
        *,
        personality: str | Path | Mapping[str, Any] | None = None,
        passphrase: str | None = None,
        identities: Sequence[str] = (),
    ) -> str:
        """Import a snapshot for a user; the id of the session in which they can go on.

        :meth:`restore_snapshot` does the same and tells more.
        """
        restored = await self.restore_snapshot(
            snapshot_file,
            user_id,
            personality=personality,
            passphrase=passphrase,
            identities=identities,
        )
        return restored.session_id

    async def restore_snapshot(
        self,
        snapshot_file: str | Path | Mapping[str, Any],
        user_id: str,
        *,
        personality: str | Path | Mapping[str, Any] | None = None,
        passphrase: str | None = None,
        identities: Sequence[str] = (),
        on_progress: Progress | None = None,
    ) -> Restored:
        """Import a snapshot for a user, all of it or nothing.

        It becomes a copy of its own: sessions, messages and episodes get new ids, which follow
        from the snapshot and the user, so that importing it again finds it there and does nothing.
        What the user has already stays as it is: a fact of the same personality, category and key,
        and the affinity with a personality.

        Args:
            snapshot_file: A path, or what :meth:`export_snapshot` returned.
            user_id: Whose it becomes, whoever's it was.
            personality: Whom all of it becomes the memory of; left out, whose it was.
            passphrase: Unlocks an encrypted snapshot.
            identities: Texts of private key files that unlock it.
            on_progress: Called with rows done, rows in all, and what is being done.

        Raises:
            SnapshotInvalid, InputError: It cannot be used; nothing was written.
            PersonalityError: It speaks with a personality that is not known here.
            Conflict: Somebody else imports the same, or had the user forgotten meanwhile.
            StorageError: The database failed. What was written is deleted, at the latest when the
                next client opens.
        """
        from luminora.snapshots.age import Lock  # noqa: PLC0415 - rarely asked
        from luminora.snapshots.files import Source  # noqa: PLC0415
        from luminora.snapshots.restore import Restore  # noqa: PLC0415

        checked_id(user_id, "user_id")
        await self._ready()
        source = Source(snapshot_file, Lock(passphrase, identities=tuple(identities)))
        restore = Restore(self._storage, self._index, self._personas)
        return await restore.run(source, user_id, personality, on_progress)
