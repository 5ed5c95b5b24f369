from __future__ import annotations

import luminora.personality


def test_exported_members_are_sorted_and_exist():
    names = luminora.personality.__all__
    assert all(hasattr(luminora.personality, name) for name in names)
    assert names == sorted(names, key=lambda n: (not n.isupper(), n.islower(), n))
