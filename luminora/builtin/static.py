"""Embeddings without a key, a server or a network: the word vectors inside wordllama's wheel.

The wheel carries a table of 32,000 token vectors (``l2_supercat``, 256 dimensions, trained so that
a prefix of 64 or 128 works too) and the tokenizer that goes with it. A text's vector is the mean of
its tokens' vectors, scaled to length one; that is all the model does, so this module reads the two
files itself. Importing ``wordllama`` would cost twice the time and half as much memory again,
configure the root logger, and look for the tokenizer in a folder where it is not (0.4.0.post1).

The vectors know English well and Spanish poorly; lexical search makes up for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any

from luminora.builtin.loading import numpy_lock
from luminora.errors import LuminoraError, ResourceNotFound
from luminora.providers import CheckResult, EmbeddingProvider, ProviderContext, Purpose, Status

MAX_CHARACTERS = 32_768
"""Only this much of a text is read: a mean over more tokens tells no text from another."""

_WEIGHTS = "l2_supercat_256.safetensors"
_TOKENIZER = "l2_supercat_tokenizer_config.json"
_TENSOR = "embedding.weight"
_INLINE_TEXTS = 64
_INLINE_CHARACTERS = 16_384


class StaticEmbedding(EmbeddingProvider):
    """The ``static`` embedding provider.

    A text without a single token (the empty string) has no direction: its vector is all zeros,
    and a caller that searches by cosine should leave it out.

    Args:
        config: ``dimension`` (64, 128 or 256) and ``batch_size``, as the manifest describes them.
        context: Unused; part of every provider's signature.
    """

    name = "static"
    model_id = "wordllama-l2_supercat"
    may_be_zero = True

    def __init__(self, config: Mapping[str, Any], context: ProviderContext | None = None) -> None:
        del context
        self.dimension: int = int(config.get("dimension", 256))
        self.max_batch_size = int(config.get("batch_size", 512))
        self._table: _Table | None = None

    async def create_embeddings_batch(
        self,
        texts: Sequence[str],
        *,
        purpose: Purpose = "document",  # noqa: ARG002 - the model makes no difference
    ) -> list[list[float]]:
        """One vector of length one per text, in order; see the class for empty texts.

        Raises:
            ResourceNotFound: wordllama, or one of its two files, is missing.
        """
        if not texts:
            return []
        dimension = self.dimension or 256
        if self._table is None:
            self._table = await asyncio.to_thread(_table)
        if (
            len(texts) <= _INLINE_TEXTS
            and sum(min(len(text), MAX_CHARACTERS) for text in texts) <= _INLINE_CHARACTERS
        ):
            return self._table.vectors(texts, dimension)  # a thread hop would cost more
        return await asyncio.to_thread(partial(self._table.vectors, texts, dimension))

    async def check(self) -> CheckResult:
        """Embed one word; the first call includes loading the table."""
        started = perf_counter()
        try:
            await self.create_embedding("luminora")
        except LuminoraError as error:
            return CheckResult(Status.ERROR, str(error))
        return CheckResult(
            Status.OK,
            f"{self.model_id}, {self.dimension} dimensions, no network",
            latency_ms=(perf_counter() - started) * 1000,
            data={"model": self.model_id, "dimension": self.dimension},
        )


@dataclass(frozen=True, slots=True)
class _Table:
    """The token vectors (float32, one row per token) and the tokenizer whose ids index them."""

    tokenizer: Any
    rows: Any

    def vectors(self, texts: Sequence[str], dimension: int) -> list[list[float]]:
        with numpy_lock:
            import numpy as np  # noqa: PLC0415 - `import luminora` stays without it

        ids = [encoding.ids for encoding in self._encode(texts)]
        lengths = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
        sums = np.zeros((len(ids), dimension), dtype=np.float32)
        filled = np.flatnonzero(lengths)
        if len(filled):
            flat = np.array(list(chain.from_iterable(ids)), dtype=np.int64)
            starts = (np.cumsum(lengths) - lengths)[filled]
            sums[filled] = np.add.reduceat(self.rows[flat, :dimension], starts, axis=0)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        norms[norms == 0] = 1  # a vector of zeros stays one
        result: list[list[float]] = (sums / norms).tolist()
        return result

    def _encode(self, texts: Sequence[str]) -> Any:
        short = [text[:MAX_CHARACTERS] for text in texts]
        try:
            return self.tokenizer.encode_batch_fast(short, add_special_tokens=False)
        except TypeError:  # a lone surrogate cannot cross into the tokenizer's UTF-8
            clean = [text.encode("utf-8", "replace").decode() for text in short]
            return self.tokenizer.encode_batch_fast(clean, add_special_tokens=False)


_loading = Lock()
_loaded: list[_Table] = []


def _table() -> _Table:
    """The process's one table, read on first use by whichever thread comes first."""
    with _loading:
        if not _loaded:
            _loaded.append(_load(_folder()))
        return _loaded[0]


def _folder() -> Path:
    spec = find_spec("wordllama")  # a top-level name: nothing is imported
    if spec is None or not spec.submodule_search_locations:
        raise ResourceNotFound(
            "the package wordllama, whose wheel carries the vectors, is not installed",
            provider="static",
            hint="pip install wordllama",
        )
    return Path(spec.submodule_search_locations[0])


def _load(folder: Path) -> _Table:
    with numpy_lock:
        import numpy as np  # noqa: PLC0415 - as in _Table.vectors
    from safetensors import safe_open  # noqa: PLC0415
    from tokenizers import Tokenizer  # noqa: PLC0415

    tokenizer = Tokenizer.from_file(str(_file(folder, _TOKENIZER)))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    with safe_open(_file(folder, _WEIGHTS), framework="np") as weights:
        rows = np.ascontiguousarray(weights.get_tensor(_TENSOR), dtype=np.float32)
    return _Table(tokenizer, rows)


def _file(folder: Path, name: str) -> Path:
    """``name`` anywhere below ``folder``: the sub-folders' names differ between releases."""
    found = next(iter(sorted(folder.rglob(name))), None)
    if found is None:
        raise ResourceNotFound(
            f"{folder} lacks {name}, which wordllama's wheel is expected to carry",
            provider="static",
            hint="pip install --force-reinstall 'wordllama>=0.4.0.post1'",
        )
    return found
