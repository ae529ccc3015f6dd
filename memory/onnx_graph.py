"""The all-MiniLM-L6-v2 encoder as an ONNX model without its weights, written byte by byte.

The model names its weights as external data that stands in no file; whoever runs it injects them. So nothing of the
weights is shipped, and the `onnx` package is not needed: what it would write is a handful of nested records.

It takes one text. Texts of a batch would have to be padded to one length, and then a vector's last bits depend on
its companions; one by one they do not, and passages are encoded no slower and in a tenth of the memory.

Source: `onnx.proto` (IR version 8) for the field numbers, ONNX operator set 17, Protocol Buffers' wire format;
Devlin et al., "BERT" (2018), with the sizes in the model's `config.json`; Reimers and Gurevych, "Sentence-BERT" (2019),
for the mean over tokens.
"""

import math
import struct
from collections.abc import Mapping

LAYERS = 6
HEADS = 12
HIDDEN = 384
INNER = 1536
WORDS = 30_522
POSITIONS = 512
#: What the model takes, the rows of TABLE for a text's tokens, and what it gives, float32 of shape (HIDDEN,) and of
#: length 1. The table, half of all weights, stays outside: of a copy in the session most would never be looked at.
TOKENS, VECTOR = "tokens", "vector"
TABLE = "embeddings.word_embeddings.weight"

_IR_VERSION, _OPERATORS = 8, 17
_EPSILON = 1e-12
# onnx.proto: TensorProto.DataType, TensorProto.DataLocation and AttributeProto.AttributeType.
_FLOAT, _INT64, _EXTERNAL = 1, 7, 1
_A_FLOAT, _AN_INT, _INTS = 1, 2, 7

Shapes = Mapping[str, tuple[int, ...]]


def weight_shapes() -> Shapes:
    """The name and shape of every weight that the model takes, as they stand in `model.safetensors`."""
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.position_embeddings.weight": (POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": (2, HIDDEN),
    }
    dense: list[tuple[str, int, int]] = []
    norms = ["embeddings.LayerNorm"]
    for layer in (f"encoder.layer.{number}" for number in range(LAYERS)):
        dense += [(f"{layer}.attention.self.{part}", HIDDEN, HIDDEN) for part in ("query", "key", "value")]
        dense += [(f"{layer}.attention.output.dense", HIDDEN, HIDDEN)]
        dense += [(f"{layer}.intermediate.dense", INNER, HIDDEN), (f"{layer}.output.dense", HIDDEN, INNER)]
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    for name, given, taken in dense:
        shapes |= {f"{name}.weight": (given, taken), f"{name}.bias": (given,)}
    for name in norms:
        shapes |= {f"{name}.weight": (HIDDEN,), f"{name}.bias": (HIDDEN,)}
    return shapes


def encoder() -> bytes:
    """The model, as a serialized ModelProto of some 23 kB. The weights of `weight_shapes` must be injected."""
    graph = _Graph(weight_shapes())
    x = _embedded(graph)
    for number in range(LAYERS):
        x = _layer(graph, x, f"encoder.layer.{number}")
    first = graph.ints(0)
    # The sum stands for the mean: dividing both by their length gives the same.
    total = graph.node("ReduceSum", x, first, keepdims=0)
    squares = graph.node("ReduceSum", graph.node("Mul", total, total), first)
    graph.node("Div", total, graph.node("Sqrt", squares), to=VECTOR)
    return graph.model()


def _embedded(graph: "_Graph") -> str:
    first, count = graph.ints(0), graph.node("Shape", TOKENS, start=0, end=1)
    places = graph.node("Slice", "embeddings.position_embeddings.weight", first, count)
    kinds = graph.node("Gather", "embeddings.token_type_embeddings.weight", first)  # one text is all of kind 0
    return graph.norm(graph.node("Add", graph.node("Add", TOKENS, kinds), places), "embeddings.LayerNorm")


def _layer(graph: "_Graph", x: str, name: str) -> str:
    attended = graph.dense(_attention(graph, x, f"{name}.attention.self"), f"{name}.attention.output.dense")
    x = graph.norm(graph.node("Add", attended, x), f"{name}.attention.output.LayerNorm")
    inner = _gelu(graph, graph.dense(x, f"{name}.intermediate.dense"))
    return graph.norm(graph.node("Add", graph.dense(inner, f"{name}.output.dense"), x), f"{name}.output.LayerNorm")


def _attention(graph: "_Graph", x: str, name: str) -> str:
    """Each head weighs the values of all tokens by how well their keys match a token's query."""
    query = _heads(graph, graph.dense(x, f"{name}.query"), [1, 0, 2])
    key = _heads(graph, graph.dense(x, f"{name}.key"), [1, 2, 0])
    value = _heads(graph, graph.dense(x, f"{name}.value"), [1, 0, 2])
    matches = graph.node("Div", graph.node("MatMul", query, key), graph.float(math.sqrt(HIDDEN // HEADS)))
    mixed = graph.node("MatMul", graph.node("Softmax", matches, axis=-1), value)
    return graph.node("Reshape", graph.node("Transpose", mixed, perm=[1, 0, 2]), graph.ints(0, HIDDEN))


def _heads(graph: "_Graph", x: str, order: list[int]) -> str:
    """(tokens, HIDDEN) as (tokens, HEADS, a head's share), its axes in this order."""
    return graph.node("Transpose", graph.node("Reshape", x, graph.ints(0, HEADS, HIDDEN // HEADS)), perm=order)


def _gelu(graph: "_Graph", x: str) -> str:
    erf = graph.node("Erf", graph.node("Div", x, graph.float(math.sqrt(2))))
    return graph.node("Mul", graph.node("Mul", x, graph.node("Add", erf, graph.float(1))), graph.float(0.5))


class _Graph:
    """A GraphProto in the making. Methods give the name of what they add."""

    def __init__(self, weights: Shapes) -> None:
        self._nodes: list[bytes] = []
        self._tensors = {name: _weight(name, shape) for name, shape in weights.items()}

    def node(self, kind: str, *inputs: str, to: str = "", **attributes: int | list[int] | float) -> str:
        """One operator; its only output is named `to`, or by its number."""
        output = to or f"{kind}.{len(self._nodes)}"
        taken = b"".join(_field(1, name) for name in inputs)
        settings = b"".join(_field(5, _attribute(name, value)) for name, value in attributes.items())
        self._nodes.append(taken + _field(2, output) + _field(3, output) + _field(4, kind) + settings)
        return output

    def dense(self, x: str, name: str) -> str:
        """`x` times the transposed weight (which is kept output first), plus the bias."""
        return self.node("Gemm", x, f"{name}.weight", f"{name}.bias", transB=1)

    def norm(self, x: str, name: str) -> str:
        return self.node("LayerNormalization", x, f"{name}.weight", f"{name}.bias", axis=-1, epsilon=_EPSILON)

    def ints(self, *values: int) -> str:
        """A constant int64 vector."""
        return self._constant(
            f"ints {values}", _field(1, len(values)) + _field(2, _INT64), struct.pack(f"<{len(values)}q", *values)
        )

    def float(self, value: float) -> str:
        """A constant float32 without axes."""
        return self._constant(f"float {value}", _field(2, _FLOAT), struct.pack("<f", value))

    def _constant(self, name: str, kind: bytes, raw: bytes) -> str:
        self._tensors[name] = kind + _field(8, name) + _field(9, raw)
        return name

    def model(self) -> bytes:
        """The graph in its ModelProto."""
        nodes = b"".join(_field(1, node) for node in self._nodes)
        tensors = b"".join(_field(5, tensor) for tensor in self._tensors.values())
        ends = _field(11, _value(TOKENS, "tokens", HIDDEN)) + _field(12, _value(VECTOR, HIDDEN))
        operators = _field(1, "") + _field(2, _OPERATORS)
        graph = nodes + _field(2, "encoder") + tensors + ends
        return _field(1, _IR_VERSION) + _field(7, graph) + _field(8, operators)


def _weight(name: str, shape: tuple[int, ...]) -> bytes:
    """A TensorProto whose data are external. The location must be given, and is never looked up."""
    sizes = b"".join(_field(1, size) for size in shape)
    location = _field(1, "location") + _field(2, "injected")
    return sizes + _field(2, _FLOAT) + _field(8, name) + _field(13, location) + _field(14, _EXTERNAL)


def _value(name: str, *sizes: int | str) -> bytes:
    """A ValueInfoProto of floats, with axes whose size is a number or goes by a name."""
    axes = b"".join(_field(1, _field(1 if isinstance(size, int) else 2, size)) for size in sizes)
    tensor = _field(1, _FLOAT) + _field(2, axes)
    return _field(1, name) + _field(2, _field(1, tensor))


def _attribute(name: str, value: int | list[int] | float) -> bytes:
    if isinstance(value, list):
        return _field(1, name) + b"".join(_field(8, item) for item in value) + _field(20, _INTS)
    if isinstance(value, int):
        return _field(1, name) + _field(3, value) + _field(20, _AN_INT)
    return _field(1, name) + _field(2, value) + _field(20, _A_FLOAT)


def _field(number: int, value: int | float | str | bytes) -> bytes:
    """One field of a record: its number and wire type, then its value (0: varint, 2: by length, 5: four bytes)."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value % (1 << 64))  # a negative one is its two's complement
    if isinstance(value, float):
        return _varint(number << 3 | 5) + struct.pack("<f", value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    """Seven bits a byte, lowest first; the high bit says that more follow."""
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])
