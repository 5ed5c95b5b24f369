"""Embeddings from a model on this machine.

sentence-transformers is imported, and the model loaded, when the first text comes, in the one
thread that does all the work; the event loop only waits. PyTorch spreads the work over the cores
itself, so a second thread would gain nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any, Final, TypeVar

from luminora.errors import LuminoraError, Overloaded
from luminora.providers import CheckResult, EmbeddingProvider, ProviderContext, Purpose, Status
from luminora.providers.models import ModelTable
from luminora_sentence_transformers.loading import NotHere, Plan, load

DEFAULT_MODEL: Final = "all-MiniLM-L6-v2"
_T = TypeVar("_T")
_HUB_OWNER: Final = "sentence-transformers/"


class LocalEmbedding(EmbeddingProvider):
    """The ``sentence-transformers`` provider, also called ``local``.

    Vectors have length one. A text beyond what the model reads (256 tokens for the default one) is
    cut off by it. A text without a single character the model knows has a vector all the same.

    Args:
        config: Its settings as the manifest describes them, validated and with defaults.
        context: The kernel's.
    """

    name = "sentence-transformers"

    def __init__(self, config: Mapping[str, Any], context: ProviderContext) -> None:
        path = config.get("model_path")
        folder = context.path(path, "") if path else None
        model = config.get("model") or (folder.name if folder else DEFAULT_MODEL)
        self.model_id: str = model.removeprefix(_HUB_OWNER)
        facts = ModelTable.of("luminora_sentence_transformers").facts(self.model_id)
        self.dimension = config.get("dimension") or facts.dimension
        self.max_batch_size = int(config.get("batch_size", 64))
        prompts = {
            purpose: config.get(f"{purpose}_prompt", facts.extra.get(f"{purpose}_prompt"))
            for purpose in ("query", "document")
        }
        given = {purpose: prompt for purpose, prompt in prompts.items() if prompt is not None}
        self.asymmetric = bool(given) or not facts.extra.get("symmetric", False)
        cache, token = config.get("cache_folder"), config.get("token_env")
        self._plan = Plan(
            provider=self.name,
            model=model,
            path=folder,
            cache=context.path(cache, "") if cache else None,
            download=config.get("allow_download", True),
            token=context.secret(token, provider=self.name) if token else None,
            device=config.get("device"),
            truncate=config.get("dimension"),
            prompts=given,
        )
        self._model: Any = None
        self._thread: ThreadPoolExecutor | None = None

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._model is not None

    async def create_embeddings_batch(
        self, texts: Sequence[str], *, purpose: Purpose = "document"
    ) -> list[list[float]]:
        """One vector of length one per text, in order.

        Raises:
            ResourceNotFound: The package or the model is absent or unusable.
            ConnectionFailed: The model would have to be downloaded and cannot be.
            Overloaded: The computation failed, for want of memory for example.
        """
        if not texts:
            return []
        return await self._in_thread(lambda: self._vectors(texts, purpose))

    async def check(self) -> CheckResult:
        """Embed one word, if the model is on the disk; nothing is downloaded for it."""
        data: dict[str, Any] = {"model": self.model_id, "folder": str(self._plan.looked_in)}
        started = perf_counter()
        try:
            await self._in_thread(lambda: self._load(download=False))
            vector = await self.create_embedding("hello")
        except NotHere as error:
            if self._plan.path is not None or not self._plan.download:
                return CheckResult(Status.ERROR, str(error), data=data)
            detail = f"{error.message}; the first text downloads it from Hugging Face"
            return CheckResult(Status.WARNING, detail, data=data)
        except LuminoraError as error:
            return CheckResult(Status.ERROR, str(error), data=data)
        latency = (perf_counter() - started) * 1000
        data |= {"dimension": len(vector), "device": str(getattr(self._model, "device", "unknown"))}
        if self.dimension not in {None, len(vector)}:
            detail = f"{self.model_id} yields {len(vector)} numbers, not {self.dimension}"
            return CheckResult(Status.ERROR, detail, latency, data)
        detail = f"{self.model_id}, {len(vector)} dimensions, on {data['device']}"
        return CheckResult(Status.OK, detail, latency, data)

    async def aclose(self) -> None:
        """Give the model's memory back, once the batch under way is done."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._forget)
            thread.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "luminora-embeddings")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # in the thread

    def _load(self, *, download: bool | None = None) -> Any:
        if self._model is None:
            self._model = load(self._plan, download=download)
        return self._model

    def _forget(self) -> None:
        self._model = None

    def _vectors(self, texts: Sequence[str], purpose: Purpose) -> list[list[float]]:
        model = self._load()
        encode = model.encode_query if purpose == "query" else model.encode_document
        try:
            found = encode(
                [_clean(text) for text in texts],
                batch_size=len(texts),
                show_progress_bar=False,
                convert_to_numpy=True,
                normalize_embeddings=True,
            )
        except Exception as error:
            raise Overloaded(
                f"the model '{self.model_id}' failed on {len(texts)} texts: "
                f"{type(error).__name__}: {str(error)[:300]}",
                provider=self.name,
                model=self.model_id,
                hint="a smaller batch_size needs less memory; device: cpu needs no GPU",
            ) from error
        vectors: list[list[float]] = found.tolist()
        return vectors


def _clean(text: str) -> str:
    """The text; half a surrogate pair, which no tokenizer takes, as a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
