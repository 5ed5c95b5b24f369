"""Discover, activate: from the installed plugins to the providers a configuration names.

Discovery reads manifests and imports nothing. Activation imports the plugins that the
configuration names, one by one: a plugin that cannot be imported or registered is undone,
remembered, and reported when something asks for it; the others work.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from inspect import isawaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import pluggy

from luminora import _state, hookspecs, schema
from luminora._index import Index, Offer, suggestion
from luminora._manifests import (
    GROUP,
    MANIFEST,
    Discovery,
    Distribution,
    Manifest,
    discover,
    problems,
    requirements,
)
from luminora._shapes import PROVIDERS
from luminora.errors import ConfigError, LuminoraError, PluginBroken, PluginError
from luminora.providers import (
    CacheProvider,
    EmbeddingProvider,
    Kind,
    LLMProvider,
    Provider,
    ProviderContext,
    StorageProvider,
    VectorStoreProvider,
)

if TYPE_CHECKING:
    from typing import Literal

    import click

    from luminora._lock import Lock
    from luminora.config import Config

__all__ = [
    "GROUP",
    "MANIFEST",
    "Activation",
    "Discovery",
    "Distribution",
    "Index",
    "Manifest",
    "Offer",
    "activate",
    "disable",
    "discover",
    "enable",
    "problems",
]

log = logging.getLogger(__name__)

_CONTRACTS: Mapping[str, type[Any]] = {
    Kind.LLM: LLMProvider,
    Kind.EMBEDDING: EmbeddingProvider,
    Kind.STORAGE: StorageProvider,
    Kind.VECTOR_STORE: VectorStoreProvider,
    Kind.CACHE: CacheProvider,
}
_LISTENER_SECONDS = 10.0
_COMPONENT = re.compile(r"[a-z][a-z0-9_]{0,62}")
_T = TypeVar("_T")


def disable(name: str, index: Index | None = None) -> Distribution:
    """Keep the plugin from being imported, from now on and in every project of this user.

    Args:
        name: Its distribution, entry point or manifest name.
        index: The plugins; by default those installed.

    Raises:
        ProviderUnknown: No such plugin is installed.
    """
    return _switch(name, index, off=True)


def enable(name: str, index: Index | None = None) -> Distribution:
    """Undo :func:`disable`."""
    return _switch(name, index, off=False)


def _switch(name: str, index: Index | None, *, off: bool) -> Distribution:
    distribution = (index or Index.load()).plugin(name).distribution
    _state.set_disabled(distribution.name, off=off)
    return distribution


def activate(config: Config, index: Index | None = None) -> Activation:
    """Import and register the plugins that ``config`` names, and no others.

    Those are the plugins of its providers and those listed in ``plugins.enabled``. A plugin that
    fails is kept in :attr:`Activation.broken`; :meth:`Activation.build` raises for it.
    """
    activation = Activation(config, index or config.index)
    for section in PROVIDERS:
        part = config.document.get(section)
        if isinstance(part, Mapping) and isinstance(part.get("name"), str):
            with contextlib.suppress(LuminoraError):  # whoever builds it hears of it
                activation.load(activation.offer(schema.kind_of(section), part).discovery)
    for name in schema.strings(config.document, "plugins", "enabled"):
        try:
            activation.load(activation.index.plugin(name))
        except LuminoraError as problem:
            log.warning("the plugin '%s' does not listen: %s", name, problem)
    return activation


class Activation:
    """The registered plugins of one configuration.

    Attributes:
        config: What is activated.
        index: Where its plugins were found.
        broken: What went wrong, by plugin.
    """

    def __init__(self, config: Config, index: Index) -> None:
        self.config = config
        self.index = index
        self.broken: dict[Distribution, LuminoraError] = {}
        self._lock = _lock_of(config) if config.locked else None
        self._manager = pluggy.PluginManager("luminora")
        self._manager.add_hookspecs(hookspecs)
        self._loaded: dict[Distribution, tuple[Discovery, Any]] = {}

    @property
    def loaded(self) -> tuple[Distribution, ...]:
        """The plugins that are registered."""
        return tuple(self._loaded)

    @overload
    def build(self, kind: Literal[Kind.LLM], section: Any = ...) -> LLMProvider: ...
    @overload
    def build(self, kind: Literal[Kind.EMBEDDING], section: Any = ...) -> EmbeddingProvider: ...
    @overload
    def build(self, kind: Literal[Kind.STORAGE], section: Any = ...) -> StorageProvider: ...
    @overload
    def build(
        self,
        kind: Literal[Kind.VECTOR_STORE],
        section: Any = ...,
        *,
        storage: StorageProvider | None = ...,
    ) -> VectorStoreProvider: ...
    @overload
    def build(self, kind: Literal[Kind.CACHE], section: Any = ...) -> CacheProvider: ...
    @overload
    def build(
        self, kind: str, section: Any = ..., *, storage: StorageProvider | None = ...
    ) -> Provider: ...

    def build(
        self,
        kind: str,
        section: str | Mapping[str, Any] | None = None,
        *,
        storage: StorageProvider | None = None,
    ) -> Provider:
        """A new provider; it is not connected yet.

        Args:
            kind: A :class:`~luminora.providers.Kind`.
            section: A section of the config by name (``"fallback_provider"``), or a mapping of
                ``name``, ``config`` and ``package``; by default the kind's own section. Whoever
                builds providers of providers passes mappings.
            storage: Given to a vector store that may share its connection.

        Raises:
            ProviderUnknown, PluginConflict: See :meth:`Index.find`.
            PluginBroken: The plugin cannot be loaded, fails, or builds something else.
            ConfigError: The settings do not fit the provider's schema.
            CredentialsMissing: The provider insists on a secret that is unset.
        """
        kind = Kind(kind)
        place = section if isinstance(section, str) else kind.section
        part = section if isinstance(section, Mapping) else self.config.section(place)
        offer = self.offer(kind, part)
        module = self.load(offer.discovery)
        settings = schema.check_settings(offer, dict(part.get("config", {})), f"/{place}/config")
        context = ProviderContext(
            data_dir=self.config.data_dir,
            env=self.config.env,
            base_dir=self.config.base_dir,
            storage=storage,
            table_prefix=self.config.document["migrations"]["table_prefix"],
            build=lambda inner: self.build(kind, inner),
        )
        hook = self._caller(f"luminora_{kind.value}", module)
        provider: Any = _guarded(
            offer.discovery, lambda: hook(name=offer.name, config=settings, context=context)
        )
        wanted = _CONTRACTS[kind]
        if not isinstance(provider, wanted):
            what = "nothing" if provider is None else f"a {type(provider).__name__}"
            raise _broken(
                offer.discovery,
                f"its hook luminora_{kind.value} answered '{offer.name}' with {what} instead of a "
                f"{wanted.__name__}",
            )
        if not isinstance(getattr(provider, "name", None), str):
            raise _broken(offer.discovery, f"its {wanted.__name__} '{offer.name}' has no name")
        built: Provider = provider
        return built

    async def emit(self, hook: str, **arguments: Any) -> None:
        """Tell every listener of an event hook, in isolation.

        One that fails or takes longer than ten seconds is logged with its distribution's name and
        passed over; nothing that listeners do reaches the caller.
        """
        for listener in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            try:
                answer = listener.function(*(arguments[name] for name in listener.argnames))
                if isawaitable(answer):
                    async with asyncio.timeout(_LISTENER_SECONDS):
                        await answer
            except (Exception, SystemExit):
                log.warning("%s failed in %s", listener.plugin_name, hook, exc_info=True)

    def migration_sets(self) -> list[tuple[str, Path]]:
        """The plugins' own migrations: component and folder of templates.

        Raises:
            PluginBroken: A plugin's answer is unusable, or two use one component name.
        """
        found: dict[str, Path] = {}
        for owner, answer in self._each("luminora_migrations"):
            try:
                sets = [(str(component), Path(folder)) for component, folder in answer]
            except (TypeError, ValueError):
                raise _broken(owner, "luminora_migrations answers pairs (name, folder)") from None
            for component, folder in sets:
                if not _COMPONENT.fullmatch(component) or component == "core":
                    raise _broken(owner, f"'{component}' cannot be the name of its migrations")
                if component in found:
                    raise _broken(owner, f"another plugin calls its migrations '{component}' too")
                if not folder.is_dir():
                    raise _broken(owner, f"the folder of its migrations is missing: {folder}")
                found[component] = folder
        return list(found.items())

    async def dimension(self) -> int:
        """Length of the configured model's vectors; it is asked if nothing declares it."""
        async with self.build(Kind.EMBEDDING) as embedding:
            return await embedding.get_dimension()

    def add_commands(self, group: click.Group) -> None:
        """Let every registered plugin add its commands to ``group``.

        Raises:
            PluginBroken: A plugin failed to.
        """
        self._each("luminora_commands", group=group)

    def examined(
        self, config: Mapping[str, Any], context: ProviderContext
    ) -> list[tuple[Distribution, Any]]:
        """What every registered plugin answers to ``luminora_doctor``: findings, or its failure.

        Answers are not looked at; those of ``async`` implementations are to be awaited.
        """
        found: list[tuple[Distribution, Any]] = []
        for owner, module in self._loaded.values():
            call = partial(self._caller("luminora_doctor", module), config=config, context=context)
            try:
                found += [(owner.distribution, one) for one in _guarded(owner, call)]
            except LuminoraError as problem:
                found.append((owner.distribution, problem))
        return found

    def offer(self, kind: str, part: Mapping[str, Any]) -> Offer:
        """Who offers the provider that a section names; raises as :meth:`Index.find` does."""
        name, package = part.get("name"), part.get("package")
        if not isinstance(name, str) or not isinstance(package, str | None):
            raise ConfigError(f"the {kind} provider has no name", hint="luminora config validate")
        return self.index.find(kind, name, package)

    def load(self, discovery: Discovery) -> Any:
        """The plugin's module, imported and registered the first time.

        Raises:
            PluginBroken: It cannot be; it says so again every time.
            PluginError: It is disabled.
        """
        owner = discovery.distribution
        if owner in self._loaded:
            return self._loaded[owner][1]
        if owner in self.broken:
            raise self.broken[owner]
        try:
            module = self._registered(discovery)
        except LuminoraError as problem:
            self.broken[owner] = problem
            raise
        self._loaded[owner] = (discovery, module)
        return module

    def _caller(self, hook: str, module: Any) -> pluggy.HookCaller:
        """The hook as that one plugin implements it: no other can answer in its name."""
        others = [other for _, other in self._loaded.values() if other is not module]
        return self._manager.subset_hook_caller(hook, others)

    def _each(self, hook: str, **arguments: Any) -> list[tuple[Discovery, Any]]:
        found = []
        for owner, module in self._loaded.values():
            call = partial(self._caller(hook, module), **arguments)
            found += [(owner, answer) for answer in _guarded(owner, call) if answer is not None]
        return found

    def _registered(self, discovery: Discovery) -> Any:
        manifest, owner = discovery.manifest, discovery.distribution
        if manifest is None or discovery.error:
            raise _broken(discovery, discovery.error or "it has no manifest")
        if not self.index.enabled(discovery):
            hint = f"luminora plugins enable {owner.name}"
            raise PluginError("the plugin is disabled", where=str(owner), hint=hint)
        if self._lock is not None:
            self._lock.require(discovery)
        module = _guarded(discovery, lambda: import_module(manifest.module))
        try:
            _guarded(discovery, lambda: self._manager.register(module, str(owner)))
            _guarded(discovery, self._manager.check_pending)
            self._check_hooks(discovery, module)
        except LuminoraError:
            if self._manager.is_registered(module):
                self._manager.unregister(module)
            raise
        return module

    def _check_hooks(self, discovery: Discovery, module: Any) -> None:
        callers = self._manager.get_hookcallers(module) or []
        for kind in discovery.manifest.offers if discovery.manifest else ():
            if f"luminora_{kind}" not in {caller.name for caller in callers}:
                raise _broken(
                    discovery,
                    f"its manifest offers the kind '{kind}', but {module.__name__} has no "
                    f"@hookimpl luminora_{kind}",
                )
        for caller in callers:
            for impl in caller.get_hookimpls():
                if impl.plugin is module and (impl.wrapper or impl.hookwrapper):
                    raise _broken(discovery, f"{caller.name} is a wrapper, which is not supported")


def _lock_of(config: Config) -> Lock:
    from luminora import _lock  # noqa: PLC0415 - reads metadata, and only where plugins are locked

    return _lock.Lock(_lock.place(config), config.index)


# --- what can go wrong ---------------------------------------------------------------------------


def _guarded(discovery: Discovery, act: Callable[[], _T]) -> _T:
    """The result of running a plugin's code, every failure of which becomes a PluginBroken.

    Our own errors pass as they are: a provider may well find that a secret is missing.
    """
    try:
        return act()
    except LuminoraError:
        raise
    except pluggy.PluginValidationError as problem:
        text = str(problem).replace("\n", " ")
        name = re.search(r"unknown hook '(\w+)'", text)
        guess = suggestion(name[1], _hooks()) if name else ""
        raise _broken(discovery, f"{text[:300]}{guess}") from None
    except ModuleNotFoundError as problem:
        raise _missing(discovery, problem) from problem
    except SyntaxError as problem:
        place = f"{problem.filename}:{problem.lineno}"
        raise _broken(discovery, f"its code is not valid Python: {place}: {problem.msg}") from None
    except (Exception, SystemExit) as problem:
        frames = traceback.extract_tb(problem.__traceback__)
        place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
        text = f"{type(problem).__name__}: {problem}"[:300]
        raise _broken(discovery, f"its code failed with {text}{place}") from problem


def _missing(discovery: Discovery, problem: ModuleNotFoundError) -> PluginBroken:
    manifest, name = discovery.manifest, problem.name or "?"
    if manifest and f"{manifest.module}.".startswith(f"{name}."):
        return _broken(discovery, f"its manifest names the module '{manifest.module}', not there")
    if name.partition(".")[0] == discovery.distribution.package:
        return _broken(discovery, f"its own module '{name}' is missing; install it again")
    commands = requirements(manifest.data) if manifest else {}
    top = name.partition(".")[0]
    command = commands.get(name) or commands.get(top) or f"pip install {top}"
    return _broken(discovery, f"it needs the Python package '{name}', not installed", command)


def _broken(discovery: Discovery, why: str, hint: str | None = None) -> PluginBroken:
    owner = discovery.distribution
    advice = f"pip install -U {owner.name}, or luminora plugins disable {owner.name}"
    return PluginBroken(f"the plugin cannot be used: {why}", where=str(owner), hint=hint or advice)


def _hooks() -> list[str]:
    return [name for name in vars(hookspecs) if name.startswith("luminora_")]
