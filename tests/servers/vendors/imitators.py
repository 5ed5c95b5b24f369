"""Doubles of vendors who took over OpenAI's format: DeepSeek, Groq and Hugging Face.

What they do otherwise is written from their documentation and, for Groq and Hugging Face, from
their official clients (groq 1.7, huggingface_hub 2.4), which were driven against these doubles by
hand on 2026-11-21.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from luminora.testing.doubles.openai import OpenAIDouble, refusal
from luminora.testing.doubles.vendor import Asked, Reply, vector_of


class DeepSeekDouble(OpenAIDouble):
    """DeepSeek's public API: keep-alives, ``json_object`` alone, thoughts, and no embeddings."""

    title = "our double of DeepSeek's API"
    embeds = False
    keep_alive = b": keep-alive\n\n"
    refusals: ClassVar = {
        "bad_key": refusal(
            401,
            "Authentication Fails, Your api key: {key} is invalid",
            "authentication_error",
            "invalid_request_error",
        ),
        "no_model": refusal(
            400, "Model Not Exist", "invalid_request_error", "invalid_request_error"
        ),
        "invalid": refusal(
            422, "Invalid parameters", "invalid_request_error", "invalid_request_error"
        ),
        "rate_limit": refusal(429, "Too many requests", "rate_limit_error", None),
        "quota": refusal(402, "Insufficient Balance", "unknown_error", "invalid_request_error"),
        "server_error": refusal(500, "Server error", "server_error", None),
        "overloaded": refusal(503, "Service is too busy", "service_unavailable_error", None),
    }

    def chat(self, asked: Mapping[str, Any]) -> Reply:
        """An answer, after a thought where thinking is not switched off."""
        form = (asked.get("response_format") or {}).get("type", "text")
        if form not in {"text", "json_object"}:
            return refusal(
                400, "This response_format type is unavailable", "invalid_request_error", None
            )
        says_json = any("json" in turn["content"].lower() for turn in asked["messages"])
        if form == "json_object" and not says_json:
            return refusal(
                400,
                "Prompt must contain the word 'json' in some form",
                "invalid_request_error",
                "invalid_request_error",
            )
        reply = super().chat(asked)
        if asked.get("thinking", {}).get("type") == "disabled":
            return reply
        if isinstance(reply.body, list):
            delta = {"content": None, "reasoning_content": "Hm"}
            thought = (
                f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta}]})}\n\n".encode()
            )
            reply.body.insert(0, thought)
        else:
            reply.body["choices"][0]["message"]["reasoning_content"] = "Hm."
        return reply


class DeepSeekWithEmbeddings(DeepSeekDouble):
    """A base URL as the founding documents imagine it: DeepSeek's, with Jina's embeddings."""

    title = "our double of a DeepSeek that serves embeddings"
    embeds = True
    reads_base64 = False


class GroqDouble(OpenAIDouble):
    """Groq's API."""

    title = "our double of Groq's API"
    prefix = "/openai/v1"
    embeds = False
    refusals: ClassVar = {
        "bad_key": refusal(401, "Invalid API Key", "invalid_request_error", "invalid_api_key"),
        "forbidden": refusal(403, "Forbidden", "permissions_error", None),
        "no_model": refusal(
            404, "The model `x` does not exist", "invalid_request_error", "model_not_found"
        ),
        "invalid": refusal(400, "'n' : number must be at most 1", "invalid_request_error", None),
        "rate_limit": refusal(
            429, "Rate limit reached for model", "tokens", "rate_limit_exceeded"
        ).having(x_ratelimit_remaining_tokens="0", x_ratelimit_reset_tokens="7.66s"),
        "server_error": refusal(500, "Internal Server Error", "internal_server_error", None),
        "overloaded": refusal(498, "Flex tier is at capacity", "invalid_request_error", None),
    }


class HuggingFaceDouble(OpenAIDouble):
    """Hugging Face's router, and its own inference service behind it.

    Attributes:
        per_token: Models that yield a vector for each token, because they are no sentence models.
    """

    title = "our double of Hugging Face's router"
    dimensions: ClassVar = {"intfloat/multilingual-e5-large": 1024, "thenlper/gte-large": 1024}
    per_token: ClassVar = {"google-bert/bert-base-uncased"}
    refusals: ClassVar = {
        "bad_key": Reply(401, {"error": "Invalid username or password."}),
        "forbidden": Reply(
            403, {"error": "This token does not have the permission to call Inference Providers"}
        ),
        "no_model": refusal(
            400,
            "The requested model 'x' does not exist",
            "invalid_request_error",
            "model_not_found",
        ),
        "invalid": Reply(422, {"error": "Input validation error"}),
        "rate_limit": Reply(429, {"error": "Rate limit reached. Please log in or use a token"}),
        "quota": Reply(402, {"error": "You have exceeded your monthly included credits"}),
        "server_error": Reply(500, {"error": "Internal Server Error"}),
        "overloaded": Reply(503, {"error": "Model is overloaded", "estimated_time": 20.0}),
    }

    def answer(self, asked: Asked) -> Reply:
        """The router's, or the pipeline of a model."""
        start, end = "/hf-inference/models/", "/pipeline/feature-extraction"
        if not asked.path.startswith(start) or not asked.path.endswith(end):
            return super().answer(asked)
        model = asked.path.removeprefix(start).removesuffix(end)
        length = self.dimensions.get(model, self.dimension)
        inputs = asked.json["inputs"]
        texts = inputs if isinstance(inputs, list) else [inputs]
        found: list[Any] = [vector_of(text, length) for text in texts]
        if model in self.per_token:
            found = [[vector, vector] for vector in found]
        return Reply(body=found if isinstance(inputs, list) else found[0])
