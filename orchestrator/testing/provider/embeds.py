"""Embeddings: vectors that depend on the text alone, the same on every machine and at every run."""

import base64
import hashlib
import json
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from .wire import Asked, Wire, whole

#: What can be wrong with a list of embeddings that came with status 200.
Spoilt = Literal[
    "none", "nan", "infinite", "zero", "not_numbers", "uneven", "too_few", "empty", "out_of_order", "index_twice"
]
SPOILT: tuple[Spoilt, ...] = get_args(Spoilt)


@dataclass(frozen=True, slots=True)
class Embeds:
    """A vector of length 1 for each input, as numbers or as base64 of little-endian floats, as asked for.

    `dimensions` holds where the request names no number of its own. `spoilt` names what is wrong with the answer: its
    last vector has a NaN, an infinity, zeros alone, a word, or a number too many; the last one or all are missing; all
    stand in another order, with their true `index`; the last has the index of the first.
    """

    dimensions: int = 8
    delay_s: float = 0.0
    spoilt: Spoilt = "none"

    def wire(self, asked: Asked) -> Wire:
        """The list of embeddings, in the order of the inputs."""
        inputs = _inputs(asked.body.get("input"))
        wanted = asked.body.get("dimensions")
        vectors = [vector(text, wanted if isinstance(wanted, int) else self.dimensions) for text in inputs]
        if self.spoilt in _LAST:
            vectors[-1] = _LAST[self.spoilt](vectors[-1])
        packed = asked.body.get("encoding_format") == "base64" and self.spoilt != "not_numbers"
        data = [
            {"object": "embedding", "index": index, "embedding": _pack(numbers) if packed else numbers}
            for index, numbers in enumerate(vectors)
        ]
        data = _WHOLE[self.spoilt](data) if self.spoilt in _WHOLE else data
        tokens = sum(map(len, inputs)) // 4 + len(inputs)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        body = json.dumps({"object": "list", "data": data, "model": asked.model, "usage": usage})
        return whole(body.encode(), "application/json", headers={}, delay_s=self.delay_s)


_LAST: Mapping[str, Callable[[list[float]], list[Any]]] = {
    "nan": lambda numbers: [*numbers[:-1], math.nan],
    "infinite": lambda numbers: [*numbers[:-1], -math.inf],
    "zero": lambda numbers: [0.0] * len(numbers),
    "not_numbers": lambda numbers: [*numbers[:-1], "many"],
    "uneven": lambda numbers: [*numbers, 0.5],
}
_WHOLE: Mapping[str, Callable[[list[Any]], list[Any]]] = {
    "too_few": lambda data: data[:-1],
    "empty": lambda data: [],
    "out_of_order": lambda data: data[::-1],
    "index_twice": lambda data: [*data[:-1], {**data[-1], "index": 0}],
}


def vector(text: str, dimensions: int) -> list[float]:
    """A direction drawn from the SHA-256 of the text: equal texts agree, others are near to orthogonal."""
    digests = (
        hashlib.sha256(f"{n}:".encode() + text.encode(errors="surrogatepass")).digest() for n in range(dimensions)
    )
    numbers = [int.from_bytes(digest[:8], "big") / 2**63 - 1 for digest in digests]
    length = math.hypot(*numbers) or 1.0
    return [number / length for number in numbers]


def _inputs(value: Any) -> list[str]:
    """A text, texts, tokens, or lists of tokens: the four forms that the API takes."""
    if not isinstance(value, list) or (value and all(isinstance(token, int) for token in value)):
        return [value if isinstance(value, str) else json.dumps(value)]
    return [item if isinstance(item, str) else json.dumps(item) for item in value]


def _pack(numbers: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
