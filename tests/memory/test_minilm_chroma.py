"""The model as Chroma downloads it.

The archive itself is not at hand: what stands in for it is laid out as its, with a model that takes and gives what
Chroma's own code gives and takes.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
import pytest

from bullpen.memory import Embedder, minilm, minilm_chroma
from bullpen.memory.minilm import INSTALL, MiniLM, find_weights
from bullpen.memory.onnx_graph import (
    HIDDEN,
    LAYERS,
    TABLE,
    TOKENS,
    WORDS,
    _embedded,
    _field,
    _Graph,
    _layer,
    weight_shapes,
)
from bullpen.memory.safetensors import mapped, tensors
from bullpen.orchestrator.errors import BadInput

from .encoder import encode

INPUTS, STATES = ("input_ids", "attention_mask", "token_type_ids"), "last_hidden_state"
VOCABULARY = ("[UNK]", "night", "bus")


def batch_model(weights: Mapping[str, Any]) -> bytes:
    """A model with its weights inside, of three inputs (batch, tokens), that gives a state for each token."""
    graph = _Graph({})
    for name, array in weights.items():
        sizes = b"".join(_field(1, size) for size in array.shape)
        graph._tensors[name] = sizes + _field(2, 1) + _field(8, name) + _field(9, array.tobytes())
    graph.node("Gather", TABLE, graph.node("Reshape", "input_ids", graph.ints(-1)), to=TOKENS)
    x = _embedded(graph)
    for number in range(LAYERS):
        x = _layer(graph, x, f"encoder.layer.{number}")
    graph.node("Unsqueeze", x, graph.ints(0), to=STATES)
    parts = [_field(1, node) for node in graph._nodes] + [_field(2, "batches")]
    parts += [_field(5, tensor) for tensor in graph._tensors.values()]
    parts += [_field(11, value(name, 7, "batch", "tokens")) for name in INPUTS]
    parts += [_field(12, value(STATES, 1, "batch", "tokens", HIDDEN))]
    return _field(1, 8) + _field(7, b"".join(parts)) + _field(8, _field(1, "") + _field(2, 17))


def value(name: str, kind: int, *sizes: int | str) -> bytes:
    axes = b"".join(_field(1, _field(1 if isinstance(size, int) else 2, size)) for size in sizes)
    return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, axes)))


def tokenizer() -> bytes:
    words = {word: number for number, word in enumerate(VOCABULARY)}
    model = {"type": "WordPiece", "vocab": words, "unk_token": "[UNK]", "continuing_subword_prefix": "##"}
    return json.dumps(
        {
            "version": "1.0",
            "added_tokens": [],
            "pre_tokenizer": {"type": "Whitespace"},
            "model": {**model, "max_input_chars_per_word": 100},
        }
    ).encode()


def archived(folder: Path, monkeypatch: pytest.MonkeyPatch, tokenizer: bytes, model: bytes) -> MiniLM:
    """The embedder of an archive of these, which goes for the published one."""
    with tarfile.open(folder / minilm_chroma.ARCHIVE, "w:gz", compresslevel=1) as archive:
        for name, content in (("onnx/model.onnx", model), ("onnx/tokenizer.json", tokenizer)):
            told = tarfile.TarInfo(name)
            told.size = len(content)
            archive.addfile(told, io.BytesIO(content))
    found = hashlib.sha256((folder / minilm_chroma.ARCHIVE).read_bytes()).hexdigest()
    monkeypatch.setattr(minilm_chroma, "PUBLISHED", found)
    return MiniLM(folder)


def test_its_vectors_are_means_over_tokens_of_length_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = numpy.random.default_rng(7)
    shapes = {**weight_shapes(), TABLE: (WORDS, HIDDEN)}
    made = {name: random.normal(0, 0.1, shape).astype(numpy.float32) for name, shape in shapes.items()}
    embedder: Embedder = archived(tmp_path, monkeypatch, tokenizer(), batch_model(made))

    vectors = embedder.embed(["night bus", "bus bus bus night"])

    for vector, tokens in zip(vectors, ([1, 2], [2, 2, 2, 1]), strict=True):
        assert numpy.abs(numpy.array(vector) - encode(made, tokens)).max() < 1e-5


def test_the_same_weights_give_the_same_meanings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(minilm.FOLDER)
    folder = find_weights()
    if folder is None:
        pytest.skip(f"the weights of all-MiniLM-L6-v2 are not here; to run this: {INSTALL}")
    found = tensors(folder / minilm.WEIGHTS, mapped(folder / minilm.WEIGHTS))
    model = batch_model({name: found[name] for name in (TABLE, *weight_shapes())})
    texts = ["A man is eating food.", "", "naïve café — œuvre, 東京", "a passage that is cut off where it ends " * 60]

    ours = MiniLM(folder).embed(texts)
    chromas = archived(tmp_path, monkeypatch, (folder / minilm.TOKENIZER).read_bytes(), model).embed(texts)

    assert min(numpy.dot(one, other) for one, other in zip(ours, chromas, strict=True)) >= 0.99999


def test_it_goes_by_a_name_of_its_own(tmp_path: Path) -> None:
    (tmp_path / minilm_chroma.ARCHIVE).write_bytes(b"")

    assert (MiniLM(tmp_path).id, MiniLM(tmp_path / "nowhere").id) == ("all-MiniLM-L6-v2/chroma", "all-MiniLM-L6-v2")


def test_the_published_weights_come_before_the_archive(tmp_path: Path) -> None:
    for name in (minilm_chroma.ARCHIVE, *minilm.PUBLISHED):
        (tmp_path / name).write_bytes(b"")

    assert MiniLM(tmp_path).id == "all-MiniLM-L6-v2"


def test_another_archive_than_the_published_is_refused(tmp_path: Path) -> None:
    (tmp_path / minilm_chroma.ARCHIVE).write_bytes(b"not the archive")

    with pytest.raises(BadInput) as refused:
        MiniLM(tmp_path).load()

    for part in (minilm_chroma.ARCHIVE, hashlib.sha256(b"not the archive").hexdigest(), minilm_chroma.PUBLISHED):
        assert part in str(refused.value)


def test_the_hash_is_the_one_that_chroma_publishes() -> None:
    from chromadb.utils.embedding_functions.onnx_mini_lm_l6_v2 import ONNXMiniLM_L6_V2 as Published

    path = Path.home() / minilm_chroma.FOLDER

    assert minilm_chroma.PUBLISHED == Published._MODEL_SHA256
    assert (path, minilm_chroma.ARCHIVE) == (Published.DOWNLOAD_PATH, Published.ARCHIVE_FILENAME)
