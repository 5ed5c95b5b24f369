"""The file's outer form: a first line, then frames that tell whether they are whole.

A frame is twelve bytes of head and a payload: the payload's length, its CRC-32, and the CRC-32 of
these eight bytes, each four bytes, least significant first. A commit writes exactly one frame and
waits for the disk, so that of all frames only the last one may ever be unfinished; a frame that is
damaged although others follow it was damaged later.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from luminora_faiss.errors import damaged

FIRST_LINE: Final = b"luminora-faiss 1\n"
MAX_PAYLOAD: Final = 1 << 30
"""Bytes of one frame's payload: a commit is read back whole."""
_SUMMED: Final = struct.Struct("<II")
_SUM: Final = struct.Struct("<I")
HEAD_BYTES: Final = _SUMMED.size + _SUM.size
_PIECE: Final = 1 << 20


def framed(payload: bytes) -> bytes:
    """``payload`` as a frame."""
    summed = _SUMMED.pack(len(payload), zlib.crc32(payload))
    return b"".join((summed, _SUM.pack(zlib.crc32(summed)), payload))


def read_frames(file: BinaryIO, size: int, path: Path) -> Iterator[tuple[bytes, int]]:
    """Every whole frame's payload and the position where the frame ends.

    Ends silently before an unfinished last frame; the caller sees that the last position is not
    ``size``.

    Args:
        file: The file, at its beginning.
        size: Its length in bytes.
        path: Its name, for errors.

    Raises:
        StorageCorrupt: It is no file of ours, or is damaged before its end.
    """
    if file.read(len(FIRST_LINE)) != FIRST_LINE:
        raise damaged(path, "its first line is not that of a luminora-faiss file")
    position = len(FIRST_LINE)
    while position < size:
        head = file.read(HEAD_BYTES)
        if len(head) < HEAD_BYTES:
            return
        length, checksum = _SUMMED.unpack_from(head)
        if _SUM.unpack_from(head, _SUMMED.size)[0] != zlib.crc32(head[: _SUMMED.size]):
            if _only_zeros(head, file):  # room the disk had made for a commit that never came
                return
            raise damaged(path, f"the frame at byte {position} does not say how long it is")
        end = position + HEAD_BYTES + length
        if end > size:
            return
        payload = file.read(length)
        if zlib.crc32(payload) != checksum:
            if end == size:
                return
            raise damaged(path, f"the checksum of the frame at byte {position} is wrong")
        yield payload, end
        position = end


def _only_zeros(head: bytes, file: BinaryIO) -> bool:
    if any(head):
        return False
    while piece := file.read(_PIECE):
        if piece.count(0) != len(piece):
            return False
    return True
