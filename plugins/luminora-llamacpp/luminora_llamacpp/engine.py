"""The seam to llama.cpp: a model that is in memory, asked in JSON, answering in pieces of JSON.

All that the provider knows of an engine is :class:`Engine`; :class:`Xllamacpp` is the one there is.
Its requests and answers are those of llama.cpp's server (``tools/server/README.md``, section
"POST /v1/chat/completions"), which xllamacpp 2026.10 runs inside the process.

That server insists on listening somewhere. It gets a socket in a folder that only this user can
open, or a loopback port where the system has no such sockets, and in any case a key that nobody
knows: no other process can ask it.
"""

from __future__ import annotations

import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from luminora.errors import ProviderError, ResourceNotFound

Take = Callable[[Mapping[str, Any]], bool]
"""Takes a piece of an answer; true ends the answer here."""

_BATCH: Final = 512
"""Tokens of a prompt that are read in one go; between two of them a request can be cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a model is loaded; the manifest describes each.

    ``threads`` is None for one per physical core, ``gpu_layers`` -1 for as many as fit.
    """

    path: Path
    context: int
    threads: int | None = None
    gpu_layers: int = -1
    parallel: int = 1
    template: str | None = None
    log: bool = False


class Engine(Protocol):
    """A model in memory. Methods block, and any thread may call them."""

    def answer(self, request: Mapping[str, Any], take: Take) -> None:
        """Hand the pieces of an answer, or an ``{"error": …}``, to ``take`` as they come."""

    def close(self) -> None:
        """Give the memory back; nothing may be under way."""


class Xllamacpp:
    """llama.cpp in the process.

    Args:
        plan: What to load, and how.
        provider: Named in errors.

    Raises:
        ResourceNotFound: The engine is not installed, or it cannot use the file.
    """

    def __init__(self, plan: Plan, provider: str) -> None:
        try:
            import xllamacpp  # type: ignore[import-untyped]
        except ImportError as error:
            raise ResourceNotFound(
                f"llama.cpp cannot be imported: {error}",
                provider=provider,
                hint="pip install --force-reinstall luminora-llamacpp",
            ) from error
        self._folder = Path(tempfile.mkdtemp(prefix="luminora-llama-"))
        try:
            self._server: Any = xllamacpp.Server(_params(xllamacpp, plan, self._folder))
            # answered by the engine's loop: an end that comes before the loop begins is lost on
            # it, and would wait for it for ever
            self._server.handle_metrics()
        except Exception as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise _refused(plan, provider) from error

    def answer(self, request: Mapping[str, Any], take: Take) -> None:
        """Hand the pieces of an answer to ``take``."""
        self._server.handle_chat_completions(dict(request), take)

    def close(self) -> None:
        """Give the memory back."""
        self._server = None  # its end joins its threads
        shutil.rmtree(self._folder, ignore_errors=True)


def _params(engine: Any, plan: Plan, folder: Path) -> Any:
    params = engine.CommonParams()
    params.model.path = str(plan.path)
    params.n_parallel = plan.parallel
    params.n_ctx = plan.context * plan.parallel
    params.n_batch = params.n_ubatch = min(_BATCH, plan.context)
    if plan.threads is not None:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = plan.threads
    params.n_gpu_layers = plan.gpu_layers
    params.fit_params = plan.gpu_layers < 0
    params.fit_params_min_ctx = plan.context * plan.parallel
    if plan.template is not None:
        params.chat_template = plan.template
    params.verbosity = 3 if plan.log else -1
    params.endpoint_metrics = True  # see the constructor
    params.warmup = False  # the first request is about to come
    params.api_keys = [secrets.token_urlsafe(32)]
    params.cors_origins = "http://localhost"
    if hasattr(socket, "AF_UNIX"):
        params.hostnames = [str(folder / "llama.sock")]
    return params


def _refused(plan: Plan, provider: str) -> ProviderError:
    size = 0
    with suppress(OSError):
        size = plan.path.stat().st_size
    return ResourceNotFound(
        f"llama.cpp cannot load {plan.path} ({size / 1e9:.2f} GB) with a context of "
        f"{plan.context * plan.parallel} tokens: the file is damaged, of a kind that this version "
        "does not know, or too large for the memory",
        provider=provider,
        hint='set "log": true to read what llama.cpp says; a smaller context_length needs less '
        "memory; pip install -U luminora-llamacpp knows newer models",
    )
