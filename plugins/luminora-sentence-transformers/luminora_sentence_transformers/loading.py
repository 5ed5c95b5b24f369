"""From a name in the configuration to a model in memory; blocks, so threads call it.

The disk is looked at first, and the network only where the model is not there. Left to itself
sentence-transformers asks the hub on every start, and tries for more than a minute where there is
no network.
"""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from luminora.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    InvalidRequest,
    LuminoraError,
    ProviderError,
    ResourceNotFound,
)
from luminora.providers.loading import numpy_lock

INSTALL: Final = "pip install sentence-transformers"
_REACH_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to load, and how; the manifest describes each.

    ``path`` is None where ``model`` is a name at the hub; ``token`` is a secret.
    """

    provider: str
    model: str
    path: Path | None = None
    cache: Path | None = None
    download: bool = True
    token: str | None = field(default=None, repr=False)
    device: str | None = None
    truncate: int | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)

    @property
    def looked_in(self) -> Path:
        """Where the model has to be, if it is on this machine."""
        return self.path or self.cache or _default_cache()


class NotHere(ResourceNotFound):
    """The model is not on this machine."""


def load(plan: Plan, *, download: bool | None = None) -> Any:
    """The model, ready to encode.

    Args:
        plan: Which.
        download: Whether the hub may be asked; None as the plan says.

    Raises:
        ResourceNotFound: The package, the folder or the model is absent or unusable.
        NotHere: The model is not on the disk, and may not be downloaded.
        ConnectionFailed: It would have to be downloaded, and the hub cannot be reached.
        AuthenticationFailed: The hub wants a token, or another one.
        InvalidRequest: The device is not there.
    """
    build = _package(plan)
    if plan.path is not None:
        if not plan.path.is_dir():
            raise NotHere(
                f"there is no folder {plan.path} with the model '{plan.model}'",
                provider=plan.provider,
                model=plan.model,
                hint="set model_path to the folder that holds its modules.json, or leave it out to "
                "download the model",
            )
        return _built(build, plan, local=True)
    try:
        return _built(build, plan, local=True)
    except NotHere:
        if not (plan.download if download is None else download):
            raise
    _reach(plan)
    return _built(build, plan, local=False)


def _package(plan: Plan) -> Any:
    """The class that loads models; importing it takes seconds."""
    try:
        with numpy_lock:
            import numpy  # noqa: F401, ICN001 - before others of our threads do
        library: Any = import_module("sentence_transformers")
    except (ImportError, OSError) as error:  # a torch for another processor is an OSError
        raise ResourceNotFound(
            f"sentence-transformers cannot be imported: {error}",
            provider=plan.provider,
            hint=INSTALL,
        ) from error
    return library.SentenceTransformer


def _built(build: Any, plan: Plan, *, local: bool) -> Any:
    settings: dict[str, Any] = {"local_files_only": local, "trust_remote_code": False}
    optional = {
        "device": plan.device,
        "truncate_dim": plan.truncate,
        "cache_folder": str(plan.cache) if plan.cache and not plan.path else None,
        "token": plan.token,
        "prompts": dict(plan.prompts) or None,
    }
    settings |= {name: value for name, value in optional.items() if value is not None}
    try:
        with _quiet():
            return build(str(plan.path or plan.model), **settings)
    except LuminoraError:
        raise
    except Exception as error:
        raise _meaning(error, plan, local=local) from error


def _meaning(error: Exception, plan: Plan, *, local: bool) -> ProviderError:
    """What a failure to load means; the hub's exceptions are told apart by their names."""
    names = {kind.__name__ for one in _chain(error) for kind in type(one).__mro__}
    said = str(error).strip().partition("\n")[0][:300]
    about: dict[str, Any] = {"provider": plan.provider, "model": plan.model}
    if isinstance(error, AssertionError | RuntimeError) and plan.device is not None:
        return InvalidRequest(
            f"the model '{plan.model}' cannot be put on the device '{plan.device}': {said}",
            hint="leave device out to take the fastest that is there",
            **about,
        )
    if {"GatedRepoError", "RepositoryNotFoundError"} & names and not local:
        return AuthenticationFailed(
            f"Hugging Face has no model '{plan.model}', or wants a token for it",
            hint="check the name at https://huggingface.co/models?library=sentence-transformers; "
            "for a model behind a licence set token_env",
            **about,
        )
    absent = isinstance(error, OSError) and not isinstance(error, PermissionError)
    if local and absent and (plan.path is None or "LocalEntryNotFoundError" in names):
        return _absent(plan)
    if isinstance(error, OSError) and not local:
        return ConnectionFailed(
            f"the model '{plan.model}' could not be downloaded: {said}", hint=_ways_out(), **about
        )
    return ResourceNotFound(
        f"the model '{plan.model}' in {plan.looked_in} cannot be loaded: "
        f"{type(error).__name__}: {said}",
        hint="its files may be damaged or not those of a sentence-transformers model: delete them "
        "and download them again",
        **about,
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _absent(plan: Plan) -> NotHere:
    return NotHere(
        f"the model '{plan.model}' is not on this machine: it was looked for in {plan.looked_in}",
        provider=plan.provider,
        model=plan.model,
        hint=_ways_out(),
    )


def _ways_out() -> str:
    return (
        "use it once where there is a network (luminora health tells when it is there), or copy "
        "its folder here and set model_path to it"
    )


def _reach(plan: Plan) -> None:
    """Fail at once, rather than after a minute of attempts, where the hub cannot be reached.

    Raises:
        ConnectionFailed: It cannot.
    """
    hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    why = None
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        why = "HF_HUB_OFFLINE forbids it"
    elif not hub.startswith(("https://", "http://")):
        why = f"HF_ENDPOINT is {hub!r}, which is no web address"
    else:
        request = urllib.request.Request(hub, method="HEAD")  # noqa: S310 - checked above
        try:
            with urllib.request.urlopen(request, timeout=_REACH_SECONDS):  # noqa: S310
                return
        except urllib.error.HTTPError:
            return  # it answers
        except (OSError, ValueError) as error:
            why = f"{hub} cannot be reached: {getattr(error, 'reason', None) or error}"
    raise ConnectionFailed(
        f"the model '{plan.model}' is not on this machine (it was looked for in "
        f"{plan.looked_in}), and it cannot be downloaded: {why}",
        provider=plan.provider,
        model=plan.model,
        hint=_ways_out(),
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without progress bars and advice to programmers on standard error."""
    try:
        logging: Any = import_module("transformers.utils.logging")
    except ImportError:
        yield
        return
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _default_cache() -> Path:
    """The hub's cache, as ``huggingface_hub.constants`` 2.4 and sentence-transformers find it."""
    found = os.environ.get("SENTENCE_TRANSFORMERS_HOME") or os.environ.get("HF_HUB_CACHE")
    if found:
        return Path(found)
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{base}/huggingface"
    return (Path(home) / "hub").expanduser()
