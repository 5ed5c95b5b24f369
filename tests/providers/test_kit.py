"""The kit itself, as the author of a plugin meets it: without an asyncio plugin."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from luminora.testing import Conformance, capability, declared_capabilities

AUTHOR = '''
from luminora.builtin.caches.memory import MemoryCache
from luminora.errors import ConnectionFailed
from luminora.testing import CacheConformance


class Leaky(MemoryCache):
    """Forgets its namespaces."""

    async def get_many(self, namespace, keys):
        return await super().get_many("all", keys)

    async def get(self, namespace, key):
        return await super().get("all", key)

    async def set_many(self, namespace, values, ttl=None):
        await super().set_many("all", values, ttl)


class Slow(MemoryCache):
    async def clear(self, namespace):
        raise ConnectionFailed("not today")


class TestGood(CacheConformance):
    async def make_provider(self):
        assert self.tmp_path.is_dir()
        assert self.request.node.name.startswith("test_")
        return MemoryCache()


class TestLeaky(CacheConformance):
    async def make_provider(self):
        return Leaky()


class TestHonest(CacheConformance):
    capabilities = {"namespaces": "partial", "ttl": "not_implemented"}

    async def make_provider(self):
        return Slow()
'''


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("author")
    (folder / "test_author.py").write_text(AUTHOR)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-v",
        "-rsx",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
    ]
    done = subprocess.run(
        [*command, "--rootdir", str(folder), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "", "HOME": str(folder)},
    )
    return done.stdout + done.stderr


def test_a_good_provider_passes(report):
    good = [line for line in report.splitlines() if "TestGood" in line and "::" in line]
    assert len(good) == 9
    assert all("PASSED" in line for line in good)


def test_a_bad_one_fails_where_it_is_bad(report):
    assert "TestLeaky::test_namespaces_are_apart FAILED" in report
    assert "TestLeaky::test_bytes_come_back_as_they_were PASSED" in report


def test_what_is_not_claimed_is_skipped_with_the_reason(report):
    assert "TestHonest::test_values_expire SKIPPED" in report
    assert "'ttl' is not implemented by this provider" in report


def test_what_is_partial_may_fail(report):
    assert "TestHonest::test_namespaces_are_apart XFAIL" in report
    assert "'namespaces' is partial: ConnectionFailed: not today" in report


def test_manifests_tell_capabilities():
    found = declared_capabilities("luminora", "cache", "memory")
    assert found["ttl"] == "full"
    assert found["persistent"] == "unsupported"
    with pytest.raises(KeyError):
        declared_capabilities("luminora", "cache", "absent")


def test_a_suite_without_a_provider_says_what_is_missing():
    class Empty(Conformance):
        @capability("anything")
        async def test_something(self, provider):
            raise AssertionError("never reached")

    with pytest.raises(NotImplementedError, match="make_provider"):
        Empty().test_something()


def test_every_test_belongs_to_a_capability():
    from luminora import testing

    for name in testing.__all__:
        suite = getattr(testing, name)
        if isinstance(suite, type):
            for member in dir(suite):
                if member.startswith("test_"):
                    assert getattr(suite, member).luminora_capability in (suite.__doc__ or "")
