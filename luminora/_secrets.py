"""Tell a secret by its looks, so that it is refused where only its variable's name belongs."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise

_NAMES = re.compile(
    r"(api_?|access_|client_|private_|secret_)?key|(access_|auth_)?token|(client_)?secret|secret_access_key"
    r"|passphrase|passwd|password"
)
_PREFIXES = re.compile(
    r"^(sk|pk|rk)[-_][\w-]{16,}$|^gh[opsur]_\w{20,}$|^github_pat_\w{20,}$|^hf_\w{16,}$"
    r"|^AIza[\w-]{20,}$|^xox[abprs]-[\w-]{10,}$|^(AKIA|ASIA)[0-9A-Z]{16}$|^gsk_\w{16,}$"
    r"|^r8_\w{16,}$|^(pa|al)-[\w-]{20,}$|^jina_\w{16,}$|^(pcsk|nvapi|xai|tvly)[-_][\w-]{16,}$"
    r"|^eyJ[\w-]{10,}\.[\w-]{10,}\.|-----BEGIN [A-Z ]*PRIVATE KEY"
)
_URL_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)
_DIGEST = re.compile(r"sha\d*|md5|digest|checksum|hash|revision", re.IGNORECASE)
_VARIABLE = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")
_LONG = 32
_SWITCHES = 0.4  # per character: capitals, small letters and digits alternate in random text,
_HEX_ENTROPY = 3.0  # and a random hexadecimal number has nearly 4 bits in each digit


def reason(key: str, value: str) -> str | None:
    """Why ``value`` must not stand in a config under the name ``key``; never quotes it."""
    if value and _NAMES.fullmatch(key.lower()):
        return "holds a secret"
    if _PREFIXES.search(value) or (_random(value) and not _DIGEST.search(key)):
        return "looks like a key"
    if _URL_PASSWORD.search(value):
        return "holds a password"
    if key.endswith("_env") and value and not _VARIABLE.match(value):
        return "is not the name of an environment variable"
    return None


def _random(text: str) -> bool:
    if len(text) < _LONG or not re.fullmatch(r"[\w+/=-]+", text, re.ASCII):
        return False
    if re.fullmatch(r"[0-9a-fA-F]+", text):
        counts = Counter(text).values()
        return -sum(n / len(text) * math.log2(n / len(text)) for n in counts) > _HEX_ENTROPY
    classes = "".join(
        "a" if c.islower() else "A" if c.isupper() else "0" for c in text if c.isalnum()
    )
    switches = sum(one != other for one, other in pairwise(classes))
    return len(set(classes)) == len("aA0") and switches / len(text) > _SWITCHES
