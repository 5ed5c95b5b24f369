"""A language model behind an HTTP API: all that is not one vendor's wire format.

A vendor's adapter says how a request looks and how an answer reads; which model serves which task,
which parameters it accepts, deadlines, keys, failures and costs are handled here, once::

    class ParrotLLM(HttpLLM):
        path = "/v1/chat"

        def body(self, call): ...
        def result(self, document, call): ...
        async def deltas(self, lines, call): ...

The settings that every such provider has are described in :data:`SETTINGS`; a manifest repeats
them, because it has to be readable without importing anything.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, ClassVar, Final

from luminora.errors import (
    AuthenticationFailed,
    ConfigError,
    InvalidRequest,
    LuminoraError,
    MalformedResponse,
    ProviderError,
)
from luminora.providers.base import Capability, CheckResult, ProviderContext, Status
from luminora.providers.http import Deadlines, HttpClient, Response, StreamedResponse
from luminora.providers.llm import ChatDelta, ChatRequest, ChatResult, LLMProvider, Usage
from luminora.providers.models import ModelFacts, ModelTable
from luminora.providers.wire import failure, parsed

SETTINGS: Final[Mapping[str, str]] = {
    "api_key_env": "Variable that holds the key.",
    "api_base": "Base URL of the API.",
    "models": "Model per task: main, processing, embeddings.",
    "task_configs": "Model, max_tokens, temperature per task.",
    "timeout_seconds": "Longest time of a whole call.",
    "connect_timeout_seconds": "Longest wait for a connection.",
    "idle_timeout_seconds": "Longest silence in the middle of an answer.",
    "proxy": "URL of a proxy; left out, the environment's.",
    "allow_insecure": "Permit plain HTTP to another machine.",
    "drop_unsupported": "Leave out parameters that a model does not accept, instead of refusing.",
    "prices": "US dollars for a million tokens, by model: input, output.",
}
"""The settings :class:`HttpLLM` reads."""

_TASKS: Final = {
    "conversation": ("conversation",),
    "analysis": ("analysis", "fact_extraction", "mood_detection", "sentiment_analysis"),
}
"""What a task is called in ``task_configs``, now and in the founding documents."""
_ROLES: Final = ("system", "user", "assistant")
_SUGGESTED: Final = ("analysis", "temperature")
_PARAMETERS: Final = ("temperature", "max_tokens")


@dataclass(frozen=True, slots=True)
class Call:
    """A request with everything decided: what an adapter turns into its vendor's words.

    Attributes:
        request: The messages; ``temperature``, ``max_tokens`` and ``options`` are final.
        model: The vendor's id of the model.
        facts: What is known of it.
        stream: Whether the answer is to come in pieces.
    """

    request: ChatRequest
    model: str
    facts: ModelFacts
    stream: bool = False


class HttpLLM(LLMProvider):
    """A language model behind an HTTP API.

    Args:
        name: As the configuration spells it.
        config: Its settings, validated and with defaults; see :data:`SETTINGS`.
        context: The kernel's.
        table: What is known of the vendor's models.

    Attributes:
        path: Of a call, behind the base URL; or override :meth:`path_of`.
        check_path: Of a request that costs nothing, for :meth:`check`.
        keyless: Whether the vendor may be asked without a key.
    """

    path: ClassVar[str] = ""
    check_path: ClassVar[str | None] = None
    keyless: ClassVar[bool] = False

    def __init__(
        self, name: str, config: Mapping[str, Any], context: ProviderContext, table: ModelTable
    ) -> None:
        self.name = name
        self.config = config
        self.table = table
        self._key = secret_of(config, context, name, optional=self.keyless)
        self.http = http_client(name, config, self.headers(self._key))
        # an answer in one piece comes after a silence as long as the model's thoughts
        self.whole = replace(self.http.deadlines, idle=self.http.deadlines.total)
        main = self.model_for(ChatRequest(messages=()))
        self.json_mode = (
            Capability.UNSUPPORTED if table.facts(main).json == "none" else Capability.FULL
        )

    # what a vendor's adapter says

    def headers(self, key: str | None) -> dict[str, str]:
        """The headers of every request; the key as a bearer token unless overridden."""
        return {"authorization": f"Bearer {key}"} if key else {}

    def path_of(self, call: Call) -> str:  # noqa: ARG002 - for those whose path names the model
        """Where the call goes."""
        return self.path

    def path_of_check(self, model: str) -> str | None:  # noqa: ARG002 - see path_of
        """Of the request that :meth:`check` makes; None where everything costs."""
        return self.check_path

    @abstractmethod
    def body(self, call: Call) -> dict[str, Any]:
        """The call as the vendor's JSON."""

    @abstractmethod
    def result(self, document: Any, call: Call) -> ChatResult:
        """The vendor's answer; usage without cost, which is added.

        Raises:
            ProviderError: It is not what the vendor documents; a KeyError, TypeError or
                IndexError that escapes is taken for the same.
        """

    @abstractmethod
    def deltas(self, lines: AsyncIterator[str], call: Call) -> AsyncIterator[ChatDelta]:
        """The pieces of a streamed answer, out of its lines."""

    def failed(self, response: Response, model: str | None) -> ProviderError:
        """The error that an unsuccessful answer means."""
        return failure(response, provider=self.name, model=model, secrets=self.secrets)

    # what is the same for all

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that no error may quote."""
        return (self._key,) if self._key else ()

    def model_for(self, request: ChatRequest) -> str:
        """The model that serves a request: its own, the task's, or the one for the kind of work.

        Raises:
            ConfigError: None is configured.
        """
        models = self.config.get("models", {})
        kind = "main" if request.task == "conversation" else "processing"
        model = (
            request.model
            or self._settings(request).get("model")
            or models.get(kind)
            or models.get("main")
        )
        if not model:
            raise ConfigError(
                f"provider '{self.name}' is told no model",
                hint='set "models": {"main": "…"} in its config',
            )
        return str(model)

    def _settings(self, request: ChatRequest) -> Mapping[str, Any]:
        return task_settings(self.config, request)

    def accepts(self, parameter: str, request: ChatRequest) -> bool:
        """Whether the model that would serve the request accepts a parameter."""
        return parameter not in self.table.facts(self.model_for(request)).unsupported

    def call_of(self, request: ChatRequest, *, stream: bool = False) -> Call:
        """The request with model and parameters decided.

        Raises:
            InvalidRequest: The model does not accept a parameter, or there is nothing to answer.
            ConfigError: No model is configured.
        """
        model = self.model_for(request)
        facts = self.table.facts(model)
        if problem := unusable(request):
            raise InvalidRequest(problem, provider=self.name, model=model)
        settings = self._settings(request)
        changed: dict[str, Any] = {
            name: settings[name]
            for name in _PARAMETERS
            if settings.get(name) is not None
            # of an analysis the temperature is a suggestion; its length is what the answer needs
            and (getattr(request, name) is None or (request.task, name) == _SUGGESTED)
        }
        for name in facts.unsupported:
            own = changed.get(name, getattr(request, name) if name in _PARAMETERS else None)
            if own is None and request.options.get(name) is None:
                continue
            if not self.config.get("drop_unsupported", False):
                raise InvalidRequest(
                    f"the model '{model}' does not accept '{name}'",
                    provider=self.name,
                    model=model,
                    hint=f"leave {name} out, or set drop_unsupported in the provider's config",
                )
            options = changed.get("options", request.options)
            changed["options"] = {key: v for key, v in options.items() if key != name}
            if name in _PARAMETERS:
                changed[name] = None
        return Call(replace(request, **changed) if changed else request, model, facts, stream)

    async def chat(self, request: ChatRequest) -> ChatResult:
        """Answer one request.

        Raises:
            ProviderError: Classified as :mod:`luminora.errors` draws it.
        """
        call = self.call_of(request)
        document = await self.document(call)
        try:
            result = self.result(document, call)
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
            raise self._strange(error, call) from error
        usage = self._priced(result.usage, call)
        return result if usage is result.usage else replace(result, usage=usage)

    async def document(self, call: Call) -> Any:
        """The vendor's whole answer, parsed; who speaks through an SDK asks that instead."""
        response = await self.http.post(
            self.path_of(call), json=self.body(call), deadlines=self.whole
        )
        if not response.is_success:
            raise with_key(self.failed(response, call.model), self.config)
        return parsed(response.content, self.name, call.model)

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """Answer piece by piece.

        Raises:
            ProviderError: Before the first delta or between two.
        """
        call = self.call_of(request, stream=True)
        async with self.lines(call) as lines:
            try:
                async for delta in self.deltas(lines, call):
                    usage = delta.usage
                    yield (
                        delta if usage is None else replace(delta, usage=self._priced(usage, call))
                    )
            except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
                if isinstance(error, LuminoraError):
                    raise
                raise self._strange(error, call) from error

    @asynccontextmanager
    async def lines(self, call: Call) -> AsyncIterator[AsyncIterator[Any]]:
        """The lines of a streamed answer, for :meth:`deltas`; an SDK's events instead."""
        async with self.http.stream(self.path_of(call), json=self.body(call)) as response:
            if not response.is_success:
                raise with_key(self.failed(await response.aread(), call.model), self.config)
            yield self._lines(response)

    def _lines(self, response: StreamedResponse) -> AsyncIterator[str]:
        kind = response.headers.get("content-type", "")
        if kind.startswith("text/html"):
            raise MalformedResponse(
                f"{self.name} answered with a web page instead of a stream", provider=self.name
            )
        return response.aiter_lines()

    def _strange(self, error: Exception, call: Call) -> MalformedResponse:
        return MalformedResponse(
            f"{self.name} answered in a form it does not document: {type(error).__name__}: {error}",
            provider=self.name,
            model=call.model,
        )

    @staticmethod
    def _priced(usage: Usage, call: Call) -> Usage:
        cost = call.facts.cost(usage.prompt_tokens, usage.completion_tokens)
        return usage if cost is None else replace(usage, cost=cost)

    async def check(self) -> CheckResult:
        """Ask for something that costs nothing, if the vendor has that."""
        model = self.model_for(ChatRequest(messages=()))
        data = {"model": model, "base_url": self.http.base_url}
        path = self.path_of_check(model)
        if path is None:
            return CheckResult(Status.OK, f"{model}; not asked: a question costs", data=data)
        started = perf_counter()
        try:
            limits = Deadlines(connect=5.0, idle=10.0, total=10.0)
            response = await self.http.get(path, deadlines=limits)
            if not response.is_success:
                raise with_key(self.failed(response, None), self.config)
        except LuminoraError as error:
            status = getattr(error, "status", None)
            return CheckResult(Status.ERROR, str(error), data={**data, "http_status": status})
        latency = (perf_counter() - started) * 1000
        return CheckResult(Status.OK, f"{model} at {self.http.where}", latency, data)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.http.aclose()


def task_settings(config: Mapping[str, Any], request: ChatRequest) -> Mapping[str, Any]:
    """What ``task_configs`` says of the request's task: ``model``, ``max_tokens`` and so on."""
    configs = config.get("task_configs", {})
    for task in _TASKS[request.task]:
        if task in configs:
            found: Mapping[str, Any] = configs[task]
            return found
    return {}


def unusable(request: ChatRequest) -> str | None:
    """Why no model could answer the messages; None where one could."""
    strange = next((turn.role for turn in request.messages if turn.role not in _ROLES), None)
    if strange is not None:
        return f"a message has the role {strange!r}; roles are {', '.join(_ROLES)}"
    if not any(turn.content for turn in request.messages):
        return "there is nothing to answer: no message has a text"
    return None


def secret_of(
    config: Mapping[str, Any], context: ProviderContext, name: str, *, optional: bool = False
) -> str | None:
    """The key that ``api_key_env`` names; None where none is named and none is needed.

    Raises:
        CredentialsMissing: The variable is unset or empty, or holds a line break.
    """
    variable = config.get("api_key_env")
    if variable is None:
        return None
    if optional and not context.env.get(variable):
        return None
    return context.secret(variable, provider=name)


def with_key(error: ProviderError, config: Mapping[str, Any]) -> ProviderError:
    """The error; if a key was refused, its hint names the variable that holds it."""
    variable = config.get("api_key_env")
    if variable and isinstance(error, AuthenticationFailed):
        error.hint = f"check the key in the environment variable {variable}"
    return error


def http_client(
    name: str, config: Mapping[str, Any], headers: Mapping[str, str], base: str | None = None
) -> HttpClient:
    """A client as the common settings describe it; ``base`` where the configuration names none."""
    return HttpClient(
        config.get("api_base") or base or "",
        provider=name,
        headers=headers,
        deadlines=Deadlines(
            connect=config.get("connect_timeout_seconds", 10.0),
            idle=config.get("idle_timeout_seconds", 60.0),
            total=config.get("timeout_seconds", 300.0),
        ),
        proxy=config.get("proxy"),
        allow_insecure=config.get("allow_insecure", False),
    )
