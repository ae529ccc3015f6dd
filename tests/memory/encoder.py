"""The encoder a second time, in numpy: what the graph is compared with.

Source: Devlin et al., "BERT" (2018); Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy

LAYERS, HEADS, EPSILON = 6, 12, 1e-12

_erf = numpy.vectorize(math.erf)


def encode(weights: Mapping[str, Any], tokens: Sequence[int]) -> Any:
    """The vector of one text, from its tokens; in float64, so that what differs is the other side's rounding."""
    w = {name: array.astype(numpy.float64) for name, array in weights.items() if "word_embeddings" not in name}
    x = weights["embeddings.word_embeddings.weight"][list(tokens)].astype(numpy.float64)
    x = x + w["embeddings.position_embeddings.weight"][: len(tokens)] + w["embeddings.token_type_embeddings.weight"][0]
    x = _norm(w, "embeddings.LayerNorm", x)
    for layer in (f"encoder.layer.{number}" for number in range(LAYERS)):
        mixed = _attend(w, f"{layer}.attention.self", x)
        x = _norm(w, f"{layer}.attention.output.LayerNorm", x + _dense(w, f"{layer}.attention.output.dense", mixed))
        inner = _dense(w, f"{layer}.intermediate.dense", x)
        inner = inner * (1 + _erf(inner / math.sqrt(2))) / 2
        x = _norm(w, f"{layer}.output.LayerNorm", x + _dense(w, f"{layer}.output.dense", inner))
    mean = x.mean(axis=0)
    return mean / numpy.linalg.norm(mean)


def _attend(w: Mapping[str, Any], name: str, x: Any) -> Any:
    query, key, value = (
        numpy.split(_dense(w, f"{name}.{part}", x), HEADS, axis=1) for part in ("query", "key", "value")
    )
    heads = []
    for q, k, v in zip(query, key, value, strict=True):
        match = q @ k.T / math.sqrt(q.shape[1])
        weight = numpy.exp(match - match.max(axis=1, keepdims=True))
        heads.append(weight / weight.sum(axis=1, keepdims=True) @ v)
    return numpy.concatenate(heads, axis=1)


def _dense(w: Mapping[str, Any], name: str, x: Any) -> Any:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def _norm(w: Mapping[str, Any], name: str, x: Any) -> Any:
    x = x - x.mean(axis=1, keepdims=True)
    return x / numpy.sqrt((x**2).mean(axis=1, keepdims=True) + EPSILON) * w[f"{name}.weight"] + w[f"{name}.bias"]
