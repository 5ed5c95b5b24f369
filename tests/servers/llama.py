"""llama.cpp's own server in a process of its own, with a tiny random model: a real peer.

The model is written with the ``gguf`` package: two layers, 312 tokens, half a megabyte, the same
bytes every time. It speaks nonsense out of small letters, keeps to a schema or a grammar because
llama.cpp makes it, and sooner or later closes a quotation mark. The engine is that of the
xllamacpp wheel::

    def test_a_real_server_answers(llama_server):
        settings = {"api_base": llama_server.base_url, "models": {"main": llama_server.model}}
        env = {"LLAMA_API_KEY": llama_server.key}
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest

from luminora.testing.servers.base import Server, missing

KEY: Final = "sk-llama-0123456789abcdef"
CONTEXT: Final = 4096
DIMENSION: Final = 64
_LAYERS, _HEADS, _HIDDEN = 2, 4, 128
_BYTES = [f"<0x{number:02X}>".encode() for number in range(256)]
_LETTERS = [chr(ord("a") + number).encode() for number in range(26)]
_SPACE = "\u2581".encode()
_PROGRAM: Final = """
import signal, sys, xllamacpp
model, alias, context, port, key, slots = sys.argv[1:]
params = xllamacpp.CommonParams()
params.model.path = model
params.model_alias = {alias}
params.n_parallel = int(slots)
params.n_ctx = int(context) * params.n_parallel
params.warmup = params.fit_params = False
params.embedding = True
params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
params.hostnames, params.port, params.api_keys = ["127.0.0.1"], int(port), [key]
server = xllamacpp.Server(params)
signal.pause()
"""


def write_tiny_gguf(path: Path, *, template: bool = True) -> Path:
    """Write the model; ``template=False`` leaves its chat template out."""
    import gguf
    import numpy as np

    chance = np.random.default_rng(0)

    def weights(*shape: int) -> Any:
        return (chance.standard_normal(shape) * 0.05).astype(np.float32)

    tokens = [b"<unk>", b"<s>", b"</s>", *_BYTES, *(_SPACE + one for one in _LETTERS), *_LETTERS]
    tokens.append(_SPACE)
    kinds = [gguf.TokenType.UNKNOWN, *[gguf.TokenType.CONTROL] * 2, *[gguf.TokenType.BYTE] * 256]
    kinds += [gguf.TokenType.NORMAL] * (len(tokens) - len(kinds))
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny-random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(DIMENSION)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(_HIDDEN)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(DIMENSION // _HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * 259 + [-float(place) for place in range(len(tokens) - 259)])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    if template:
        writer.add_chat_template(
            "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"
        )
    embedded, output = weights(len(tokens), DIMENSION), weights(len(tokens), DIMENSION)
    # the first number of every state is large, so that the first of a token's weights is its liking
    embedded[:, 0] = 0.6
    output[:259, 0] = -0.1
    output[3 + 32 : 3 + 127, 0] = 0.0  # ASCII
    output[259:, 0] = 0.1  # letters
    output[3 + ord('"'), 0] = 0.16
    output[2, 0] = 0.13  # the end
    writer.add_tensor("token_embd.weight", embedded)
    writer.add_tensor("output_norm.weight", np.ones(DIMENSION, np.float32))
    writer.add_tensor("output.weight", output)
    for layer in range(_LAYERS):
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(DIMENSION, np.float32))
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", weights(DIMENSION, DIMENSION))
        for name in ("ffn_gate", "ffn_up"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", weights(_HIDDEN, DIMENSION))
        writer.add_tensor(f"blk.{layer}.ffn_down.weight", weights(DIMENSION, _HIDDEN))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


class LlamaServer(Server):
    """llama.cpp's HTTP server: chat, streams, models and embeddings, behind a key.

    Attributes:
        key: The key it wants.
        model: The model's name there.
        slots: Requests it works on at once. With more than one, the vectors of texts that share
            a batch colour each other (seen with xllamacpp 2026.10, cosine 0.97 to 1).
    """

    name = "llama.cpp"
    key = KEY
    model = "tiny-random"
    slots = 4

    @property
    def base_url(self) -> str:
        """Where OpenAI's paths begin."""
        return f"http://127.0.0.1:{self.port}/v1"

    def prepare(self) -> None:
        """Write the model."""
        write_tiny_gguf(self.folder / "tiny.gguf")

    def command(self) -> list[str]:
        """A Python that holds the server until it is killed."""
        model = str(self.folder / "tiny.gguf")
        said = [model, self.model, str(CONTEXT), str(self.port), self.key, str(self.slots)]
        return [sys.executable, "-c", _PROGRAM, *said]

    def ready(self) -> bool:
        """Whether the model is loaded."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def title(self) -> str:
        """The engine's version."""
        return f"llama.cpp's server (xllamacpp {version('xllamacpp')})"


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of half a megabyte, with random weights."""
    if find_spec("gguf") is None:
        missing("gguf", "pip install gguf")
    return write_tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="session")
def llama_server() -> Iterator[LlamaServer]:
    """llama.cpp's server with the tiny model."""
    for package in ("xllamacpp", "gguf"):
        if find_spec(package) is None:
            missing(package, f"pip install {package}")
    server = LlamaServer()
    with server.running():
        yield server


@pytest.fixture(scope="session")
def llama_embedder() -> Iterator[LlamaServer]:
    """The same with one slot, for vectors that depend on their text alone."""
    for package in ("xllamacpp", "gguf"):
        if find_spec(package) is None:
            missing(package, f"pip install {package}")
    server = LlamaServer()
    server.slots = 1
    with server.running():
        yield server
