"""Where Gemini is reached, and with what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

_VERSION: Final = re.compile(r"/v\d\w*$")


def based(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with a base URL that does not hold the version, which people copy with it."""
    base = _VERSION.sub("", str(config["api_base"]).rstrip("/"))
    return {**config, "api_base": base}


def path_of(config: Mapping[str, Any], model: str, method: str = "") -> str:
    """The path of a model, or of one of its methods."""
    return f"/{config['api_version']}/{quote(resource(model), safe='/')}{method}"


def resource(model: str) -> str:
    """A model's full name; tuned ones are written with theirs."""
    return model if "/" in model else f"models/{model}"


def headers_of(config: Mapping[str, Any], key: str | None) -> dict[str, str]:
    """The key, in a header of Google's own, and the configured headers."""
    return {**({"x-goog-api-key": key} if key else {}), **config["headers"]}
