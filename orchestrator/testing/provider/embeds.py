"""Embeddings: vectors that depend on the text alone, the same on every machine and at every run."""

import base64
import hashlib
import json
import math
import struct
from dataclasses import dataclass
from typing import Any

from .wire import Asked, Wire, whole


@dataclass(frozen=True, slots=True)
class Embeds:
    """A vector of length 1 for each input, as numbers or as base64 of little-endian floats, as asked for.

    `dimensions` holds where the request names no number of its own.
    """

    dimensions: int = 8
    delay_s: float = 0.0

    def wire(self, asked: Asked) -> Wire:
        """The list of embeddings, in the order of the inputs."""
        inputs = _inputs(asked.body.get("input"))
        wanted = asked.body.get("dimensions")
        vectors = [vector(text, wanted if isinstance(wanted, int) else self.dimensions) for text in inputs]
        packed = asked.body.get("encoding_format") == "base64"
        data = [
            {"object": "embedding", "index": index, "embedding": _pack(numbers) if packed else numbers}
            for index, numbers in enumerate(vectors)
        ]
        tokens = sum(map(len, inputs)) // 4 + len(inputs)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        body = json.dumps({"object": "list", "data": data, "model": asked.model, "usage": usage})
        return whole(body.encode(), "application/json", headers={}, delay_s=self.delay_s)


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
