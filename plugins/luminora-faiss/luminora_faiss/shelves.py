"""The indexes of a folder, by name; all changes happen on the folder's writer thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from logging import getLogger
from pathlib import Path
from typing import Final

from luminora.errors import LuminoraError, SchemaPending
from luminora.providers.vectors import Filters, mismatch
from luminora_faiss.errors import translated
from luminora_faiss.jobs import PutJob
from luminora_faiss.shelf import Shelf

_SUFFIX: Final = ".vectors"
_COMMIT_BYTES: Final = 64 << 20
"""Vectors per shared commit; a single call's are never divided."""
_logger = getLogger(__name__)


class Shelves:
    """Indexes, each read from its file when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shelves: dict[str, Shelf] = {}

    def path(self, name: str) -> Path:
        """The file of an index."""
        return self._folder / f"{name}{_SUFFIX}"

    def known(self, name: str) -> Shelf | None:
        """The index, if it was read or made already; any thread may ask."""
        return self._shelves.get(name)

    def get(self, name: str) -> Shelf | None:
        """The index, read from its file if need be; None if there is none.

        Raises:
            StorageError: The file cannot be read, or is damaged.
        """
        shelf = self._shelves.get(name)
        if shelf is None:
            with translated(self.path(name)):
                if not self.path(name).exists():
                    return None
            shelf = self._shelves[name] = Shelf.load(self.path(name))
        return shelf

    def ensure(self, name: str, dimension: int, model_id: str | None) -> None:
        """Make the index, or make sure that the one there fits.

        Raises:
            DimensionMismatch: It does not.
        """
        shelf = self.get(name)
        if shelf is None:
            self._shelves[name] = Shelf.create(self.path(name), dimension, model_id)
        else:
            shelf.adopt(dimension, model_id)

    def remove(self, name: str, filters: Filters) -> int:
        """Remove what matches from an index and say how many."""
        shelf = self.get(name)
        return 0 if shelf is None else shelf.remove(filters)

    def drop(self, name: str) -> None:
        """Delete an index, also one whose file cannot be read."""
        shelf = self._shelves.pop(name, None)
        if shelf is not None:
            shelf.delete()
            return
        with translated(self.path(name)):
            self.path(name).unlink(missing_ok=True)

    def store(self, jobs: Sequence[PutJob]) -> None:
        """Store what the jobs bring, in as few commits as possible, and tell who waits."""
        by_index: dict[str, list[PutJob]] = {}
        for job in jobs:
            by_index.setdefault(job.index, []).append(job)
        for name, together in by_index.items():
            for commit in _commits(together):
                self._store(name, commit)

    @property
    def untidy(self) -> bool:
        """Whether a file holds what was removed, or mostly what was replaced."""
        return any(shelf.forgotten or shelf.obsolete for shelf in self._shelves.values())

    def tidy(self) -> None:
        """Rewrite the files that need it. One that cannot be is tried again later."""
        for shelf in self._shelves.values():
            if shelf.forgotten or shelf.obsolete:
                try:
                    shelf.rewrite()
                except LuminoraError as error:
                    _logger.warning("removed vectors are still in the file: %s", error)

    def close(self) -> None:
        """Tidy up, and let go of all files."""
        self.tidy()
        for shelf in self._shelves.values():
            try:
                shelf.close()
            except LuminoraError as error:
                _logger.warning("the vectors' file was closed without its seal: %s", error)
        self._shelves.clear()

    def _store(self, name: str, jobs: Sequence[PutJob]) -> None:
        shelf = self._shelves.get(name)
        fitting = []
        for job in jobs:
            found = job.put.vectors.shape[1]
            if shelf is None:
                job.future.set_exception(absent(self.path(name)))
            elif found != shelf.dimension:
                job.future.set_exception(mismatch(shelf.dimension, found, str(shelf.path)))
            else:
                fitting.append(job)
        if shelf is None or not fitting:
            return
        try:
            shelf.put([job.put for job in fitting])
        except Exception as error:  # noqa: BLE001 - the waiting coroutines' to handle
            for job in fitting:
                job.future.set_exception(error)
        else:
            for job in fitting:
                job.future.set_result(None)


def absent(path: Path) -> SchemaPending:
    """The error of an index that was never made."""
    return SchemaPending(
        "the vector index does not exist yet", where=str(path), hint="luminora migrate"
    )


def _commits(jobs: Sequence[PutJob]) -> Iterator[list[PutJob]]:
    commit: list[PutJob] = []
    size = 0
    for job in jobs:
        if commit and size + job.put.vectors.nbytes > _COMMIT_BYTES:
            yield commit
            commit, size = [], 0
        commit.append(job)
        size += job.put.vectors.nbytes
    yield commit
