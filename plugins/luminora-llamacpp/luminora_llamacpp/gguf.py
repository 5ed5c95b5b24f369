"""The head of a GGUF file: enough to say what a file is, or why it is none.

llama.cpp says of every unusable file that it cannot be loaded; what is wrong with it stands here.
Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 3); the sizes of the
types are those of the package gguf 0.19, ``GGML_QUANT_SIZES``.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final

from luminora.errors import ProviderError, ResourceNotFound

_AGAIN: Final = "download it again, and compare its size with that of the original"
_MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
_STRING, _ARRAY = 8, 9
_SCALARS: Final = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
_TYPES: Final[Mapping[int, tuple[int, int]]] = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 40), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8),
    28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
    40: (64, 36), 41: (128, 18),
}  # fmt: skip
"""Of each type of tensor: numbers in a block, and bytes."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a file says of itself.

    Attributes:
        name: The model's name, or that of the file.
        architecture: As llama.cpp calls it: ``llama``, ``qwen3`` …
        context: Tokens it was trained for, if it says so.
        template: Whether it brings a chat template.
        size: Bytes of the file.
    """

    name: str
    architecture: str
    context: int | None
    template: bool
    size: int


class _Damaged(Exception):
    """The file is not what a GGUF file should be; says why."""


def read_head(path: Path, provider: str) -> Head:
    """The head of the file; blocks.

    Raises:
        ResourceNotFound: There is no such file, or it is no whole GGUF file.
    """
    try:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            return _Reader(data, path).head()
    except FileNotFoundError:
        raise _unusable(
            f"there is no file {path}",
            provider,
            "set model_path to a GGUF file; many are at https://huggingface.co/models?library=gguf",
        ) from None
    except ValueError:  # what cannot be mapped
        raise _unusable(f"{path} is empty", provider, _AGAIN) from None
    except OSError as error:
        why = f"{path} cannot be read: {error.strerror or error}"
        hint = "set model_path to a file that this user may read"
        if path.is_dir():
            files = sorted(one.name for one in path.glob("*.gguf"))
            hint = f"set model_path to a file in it, such as {files[0]}" if files else hint
        raise _unusable(why, provider, hint) from error
    except _Damaged as error:
        raise _unusable(f"{path} is no usable GGUF file: {error}", provider, _AGAIN) from None


def _unusable(why: str, provider: str, hint: str) -> ProviderError:
    return ResourceNotFound(why, provider=provider, hint=hint)


class _Reader:
    """Reads on, from the beginning.

    Args:
        data: The file.
        path: Where it lies.
    """

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self._data = data
        self._path = path
        self._place = 0

    def head(self) -> Head:
        """All of it.

        Raises:
            _Damaged: The file is no GGUF file, of another version, or ends too early.
        """
        self._check_magic()
        version = self._one("I")
        if version not in _VERSIONS:
            raise _Damaged(
                f"it has version {version}; llama.cpp reads {_VERSIONS} as little-endian"
            )
        try:
            tensors, pairs = self._one("Q"), self._one("Q")
            said = dict(self._pair() for _ in range(pairs))
            needed = self._needed(tensors, int(said.get("general.alignment") or 32))
        except (struct.error, IndexError, UnicodeDecodeError, OverflowError) as error:
            raise _Damaged(f"it ends in the middle of its description ({error})") from None
        if len(self._data) < needed:
            raise _Damaged(f"it has {len(self._data):,} bytes of {needed:,}")
        architecture = str(said.get("general.architecture", "unknown"))
        context = said.get(f"{architecture}.context_length")
        return Head(
            str(said.get("general.name") or self._path.stem),
            architecture,
            context if isinstance(context, int) else None,
            "tokenizer.chat_template" in said,
            len(self._data),
        )

    def _check_magic(self) -> None:
        begin = bytes(self._data[:64])
        self._place = len(_MAGIC)
        if begin.startswith(_MAGIC):
            return
        kinds = {
            b"version https://git-lfs": "it is a Git LFS pointer: the file itself was not fetched",
            b"<": "it is a web page",
            b"{": "it is JSON",
            b"PK": "it is a PyTorch or ZIP file, which has to be converted first",
            b"ggjt": "it has the old GGML format, which has to be converted first",
            b"tjgg": "it has the old GGML format, which has to be converted first",
        }
        known = (what for mark, what in kinds.items() if begin.lstrip().startswith(mark))
        raise _Damaged(next(known, "it does not begin with GGUF"))

    def _needed(self, tensors: int, alignment: int) -> int:
        """Bytes that the file has to have for its tensors."""
        end = 0
        for _ in range(tensors):
            self._text()
            numbers = prod(self._one("Q") for _ in range(self._one("I")))
            kind, offset = self._one("I"), self._one("Q")
            block, size = _TYPES.get(kind, (1, 0))
            end = max(end, offset + numbers // block * size)
        return -(-self._place // alignment) * alignment + end

    def _one(self, form: str) -> Any:
        (found,) = struct.unpack_from(f"<{form}", self._data, self._place)
        self._place += struct.calcsize(f"<{form}")
        return found

    def _text(self) -> str:
        length = self._one("Q")
        if self._place + length > len(self._data):
            raise IndexError(f"a text of {length} bytes")
        self._place += length
        return bytes(self._data[self._place - length : self._place]).decode("utf-8", "replace")

    def _pair(self) -> tuple[str, Any]:
        return self._text(), self._value(self._one("I"))

    def _value(self, kind: int) -> Any:
        """A value; of an array nothing but that it was there."""
        if kind == _STRING:
            return self._text()
        if kind != _ARRAY:
            if kind not in _SCALARS:
                raise _Damaged(f"it holds a value of the unknown type {kind}")
            return self._one(_SCALARS[kind])
        inner, count = self._one("I"), self._one("Q")
        if inner in _SCALARS:
            self._place += count * struct.calcsize(f"<{_SCALARS[inner]}")
            return None
        for _ in range(count):
            self._value(inner)
        return None
