"""Snapshots: everything about a user or a session in one file, and back into any stack.

``lines`` is what a snapshot is made of, ``files`` and ``age`` how that lies on a disk, ``export``
and ``redaction`` how it is made, ``examine`` how it is checked and ``restore`` how it comes back.
``docs/snapshots.md`` describes the format.
"""

from __future__ import annotations
