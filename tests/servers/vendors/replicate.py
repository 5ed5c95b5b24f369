"""A double of Replicate: predictions that are waited for, asked for, streamed and cancelled.

Proven by hand with the official client, replicate 1.0.7, on 2026-11-21: ``run`` (with and without
waiting), ``stream`` and ``predictions.cancel`` worked, and the refusals raised its
``ReplicateError``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from luminora.testing.doubles.vendor import Asked, Behaviour, Reply, VendorDouble, in_pieces


def refusal(status: int, title: str, detail: str, **more: Any) -> Reply:
    """An error in Replicate's words: a problem document of RFC 7807."""
    return Reply(status, {"title": title, "detail": detail, "status": status, **more})


class ReplicateDouble(VendorDouble):
    """Replicate.

    Attributes:
        pending: How often a prediction is asked for before it is over.
        streaming: Whether the models stream.
        failing: What predictions fail with, if they do.
        cancelled: Ids of predictions that were cancelled.
        stream_bytes: Length of the last stream.
        elsewhere: Another address that streams are said to be at.
    """

    title = "our double of Replicate"
    malformed = b'event: done\ndata: {"oops\n\n'
    mid_stream = b'event: error\nid: 1:9\ndata: {"detail":"CUDA out of memory (E1001)"}\n\n'
    refusals: ClassVar = {
        "bad_key": refusal(401, "Unauthenticated", "You did not pass a valid token: {key}"),
        "forbidden": refusal(403, "Forbidden", "You do not have permission to run this model"),
        "no_model": refusal(404, "Not found", "The requested resource could not be found."),
        "invalid": refusal(422, "Input validation failed", "- input: prompt is required"),
        "rate_limit": refusal(429, "Too many requests", "Request was throttled."),
        "quota": refusal(402, "Insufficient credit", "You have insufficient credit to run this"),
        "server_error": refusal(500, "Internal server error", "Something went wrong"),
        "overloaded": refusal(503, "Service unavailable", "Try again later"),
    }

    def __init__(self) -> None:
        super().__init__()
        self.pending = 0
        self.streaming = True
        self.failing: str | None = None
        self.elsewhere: str | None = None
        self.cancelled: list[str] = []
        self.stream_bytes = 0
        self._made: dict[str, dict[str, Any]] = {}
        self._asked: dict[str, int] = {}

    def answer(self, asked: Asked) -> Reply:
        """An account, a prediction made, asked for or cancelled, a stream."""
        parts = asked.path.strip("/").split("/")
        match asked.method, parts:
            case "GET", ["v1", "account"]:
                return Reply(body={"type": "organization", "username": "acme"})
            case "POST", ["v1", "models", _, _, "predictions"] | ["v1", "predictions"]:
                return self.create(asked)
            case "GET", ["v1", "predictions", name] if name in self._made:
                return Reply(body=self.shown(name))
            case "POST", ["v1", "predictions", name, "cancel"] if name in self._made:
                self.cancelled.append(name)
                return Reply(body={**self._made[name], "status": "canceled"})
            case "GET", ["stream", name] if name in self._made:
                return self.events(name)
        return self.refusals["no_model"]

    def create(self, asked: Asked) -> Reply:
        """A prediction; ready at once if it is waited for and nothing is pending."""
        sent = asked.json
        if not (sent.get("input") or {}).get("prompt"):
            return self.refusals["invalid"]
        text, name = self.next_text(), f"p{len(self._made)}"
        urls = {
            "get": f"{self.url}/v1/predictions/{name}",
            "cancel": f"{self.url}/v1/predictions/{name}/cancel",
        }
        if sent.get("stream") and self.streaming:
            urls["stream"] = self.elsewhere or f"{self.url}/stream/{name}"
        tokens = {
            "input_token_count": len(sent["input"]["prompt"].split()),
            "output_token_count": len(text.split()) or 1,
        }
        self._made[name] = {
            "id": name,
            "model": "acme/parrot",
            "version": "hidden",
            "input": sent["input"],
            "output": None if self.failing else in_pieces(text),
            "error": self.failing,
            "status": "failed" if self.failing else "succeeded",
            "created_at": "2026-11-21T10:00:00Z",
            "urls": urls,
            "metrics": tokens,
        }
        waited = asked.headers.get("prefer", "").startswith("wait") and not self.pending
        return Reply(201, self._made[name] if waited else self.unfinished(name))

    def unfinished(self, name: str) -> dict[str, Any]:
        """A prediction that is not over."""
        return {**self._made[name], "status": "starting", "output": None, "metrics": {}}

    def shown(self, name: str) -> dict[str, Any]:
        """A prediction as it is now."""
        self._asked[name] = self._asked.get(name, 0) + 1
        return self._made[name] if self._asked[name] >= self.pending else self.unfinished(name)

    def events(self, name: str) -> Reply:
        """The output as events."""
        pieces = [
            "".join(
                ["event: output\n", f"id: 1:{number}\n"]
                + [f"data: {line}\n" for line in piece.split("\n")]
                + ["\n"]
            ).encode()
            for number, piece in enumerate(self._made[name]["output"] or [])
        ]
        if self.failing:
            pieces = [f'event: error\nid: 1:0\ndata: {{"detail":"{self.failing}"}}\n\n'.encode()]
        pieces.append(b"event: done\nid: 1:999\ndata: {}\n\n")
        self.stream_bytes = sum(map(len, pieces))
        return Reply(body=pieces, content_type="text/event-stream")

    def _behaviour(self, asked: Asked) -> Behaviour:
        """What is scripted for a stream is not wasted on the request that makes one."""
        if self.script and asked.method == "POST" and asked.body and asked.json.get("stream"):
            first = self.script[0]
            if first.reply is None and not first.hang:
                return Behaviour()
        return super()._behaviour(asked)
