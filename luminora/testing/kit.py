"""What the suites have in common: a provider per test, a loop to run it on, capabilities."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from luminora.providers.base import Capability, Kind, Provider

P = TypeVar("P", bound=Provider)
Test = Callable[[Any, Any], Awaitable[None]]

_SKIPPED = frozenset({Capability.UNSUPPORTED, Capability.NOT_IMPLEMENTED, Capability.UNKNOWN})


class Conformance(Generic[P]):
    """Base of the suites.

    Attributes:
        capabilities: How far the provider supports what; see :func:`declared_capabilities`.
        timeout: Seconds one test may take.
        request: pytest's request of the running test; ``request.getfixturevalue(…)`` reaches the
            author's own fixtures, such as a private server.
        tmp_path: pytest's temporary folder of the running test.
    """

    capabilities: ClassVar[Mapping[str, Capability | str]] = {}
    timeout: ClassVar[float] = 60.0
    request: pytest.FixtureRequest
    tmp_path: Path

    @pytest.fixture(autouse=True)
    def _luminora_kit(self, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        self.request = request
        self.tmp_path = tmp_path

    async def make_provider(self) -> P:
        """A provider that is ready to use; a new one for every test, over the same data or not.

        Tests use names of their own making, so they do not mind what earlier ones left behind.
        """
        raise NotImplementedError(f"{type(self).__name__} has to define make_provider()")

    async def dispose(self, provider: P) -> None:
        """Undo :meth:`make_provider`."""
        await provider.aclose()

    def run(self, name: str, test: Test) -> None:
        """Run one test as the provider's capability ``name`` says."""
        state = Capability(self.capabilities.get(name, Capability.FULL))
        if state in _SKIPPED:
            pytest.skip(f"'{name}' is {state.value.replace('_', ' ')} by this provider")
        try:
            asyncio.run(asyncio.wait_for(self._with_provider(test), self.timeout))
        except Exception as error:
            if state is not Capability.PARTIAL:
                raise
            pytest.xfail(f"'{name}' is partial: {type(error).__name__}: {error}"[:500])

    async def _with_provider(self, test: Test) -> None:
        provider = await self.make_provider()
        try:
            await test(self, provider)
        finally:
            await self.dispose(provider)


def capability(name: str) -> Callable[[Test], Callable[[Any], None]]:
    """Make a pytest test of ``async def test_…(self, provider)``, belonging to a capability."""

    def decorate(test: Test) -> Callable[[Any], None]:
        def sync(self: Any) -> None:
            self.run(name, test)

        sync.__name__ = test.__name__
        sync.__qualname__ = test.__qualname__
        sync.__doc__ = test.__doc__
        sync.__module__ = test.__module__
        sync.luminora_capability = name  # type: ignore[attr-defined]
        return sync

    return decorate


class Declared(dict[str, Capability]):
    """Capabilities as a manifest declares them.

    Attributes:
        source: The package, the kind and the provider's name, for the conformance report.
    """

    source: tuple[str, str, str]


def declared_capabilities(package: str, kind: Kind | str, name: str) -> Mapping[str, Capability]:
    """What a plugin's manifest says its provider can do.

    Args:
        package: The plugin's top-level package, beside whose code ``luminora-plugin.json`` lies.
        kind: ``"llm"``, ``"embedding"``, ``"storage"``, ``"vector_store"`` or ``"cache"``.
        name: The provider's name in the manifest.

    Raises:
        KeyError: The manifest offers no such provider.
    """
    manifest = json.loads(files(package).joinpath("luminora-plugin.json").read_text("utf-8"))
    provider = manifest["providers"][Kind(kind).value][name]
    declared = Declared(
        (feature, Capability(state)) for feature, state in provider.get("capabilities", {}).items()
    )
    declared.source = (package, Kind(kind).value, name)
    return declared
