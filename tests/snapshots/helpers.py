"""Clients on databases by name, a life to remember, and snapshots that were tampered with."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from luminora.client import LuminoraCoreClient
from luminora.config import load_config
from luminora.providers import EVERY_USER
from luminora.providers.verbs import USER_COLLECTIONS
from luminora.snapshots.lines import FOOTER, GROUPS, HEADER, Seal, line
from luminora.stack import Stack

PLAIN = {
    "persona": {"name": "Plain"},
    "core_traits": {},
    "linguistic_profile": {},
    "behavioral_rules": [],
}

LIFE = (
    "Hola, soy Diego y me encanta Naruto 👩‍👩‍👧‍👦",
    "Ayer murió mi perro Max, estoy muy triste",
    "Vivo en Madrid",
    "Me he mudado: ahora vivo en Sevilla",
    "Mi correo es diego.ruiz@example.com y mi teléfono el +34 612 345 678",
)


def client_at(name: str, **overrides: Any) -> LuminoraCoreClient:
    path = {"storage_provider.config.database_path": f"{name}.db"}
    return LuminoraCoreClient(Stack.build(load_config({}, overrides=path | overrides)))


async def lived(client: LuminoraCoreClient, user: str = "diego") -> str:
    """A session with something of everything, and an imported conversation beside it."""
    session = await client.create_session(user, metadata={"a": [1, {"b": None}], "ñ": 1.5})
    for text in LIFE:
        await client.send_message(session, text)
    other = await client.create_session(user, PLAIN)
    turns = [{"role": "user", "content": f"turno {n}", "id": f"t{n}"} for n in range(3)]
    await client.import_messages(other, turns)
    await client.send_message(session, "¿Te acuerdas de Max?")
    return session


async def everything(client: LuminoraCoreClient, user: Any = EVERY_USER) -> dict[str, list[dict]]:
    return {name: await client.storage.find(name, user) for name in USER_COLLECTIONS}


def sealed(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The snapshot with other contents and a footer that is right for them."""
    changed = {**deepcopy(document), **changes}
    seal = Seal()
    seal.add(HEADER, line(HEADER, changed[HEADER]))
    for group in GROUPS:
        for row in changed.get(group, []):
            seal.add(group, line(group, row))
    return {**changed, FOOTER: seal.footer()}
