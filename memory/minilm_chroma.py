"""all-MiniLM-L6-v2 as Chroma downloads it: an archive whose SHA-256 Chroma publishes, with a model that takes batches.

The folder `onnx` that Chroma unpacks beside it is not read: nothing vouches for what is in it.

Source: chromadb 1.5.9, `utils/embedding_functions/onnx_mini_lm_l6_v2.py`, for the place, the hash, the names of the
model's inputs, and the mean over tokens.
"""

import hashlib
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..orchestrator.errors import BadInput
from .safetensors import mapped

FOLDER = Path(".cache", "chroma", "onnx_models", "all-MiniLM-L6-v2")
ARCHIVE = "onnx.tar.gz"
PUBLISHED = "913d7300ceae3b2dbc2c50d1de4baacab4be7b9380491c27fab7418616a16ec3"
_MODEL, _TOKENIZER = "onnx/model.onnx", "onnx/tokenizer.json"


def unpacked(folder: Path) -> tuple[bytes, bytes]:
    """The bytes of the tokenizer and of the model. Raises BadInput for an archive that is not the published one."""
    path = folder / ARCHIVE
    found = hashlib.sha256(mapped(path)).hexdigest()
    if found != PUBLISHED:
        raise BadInput(
            f"{str(path)!r} has the SHA-256 {found}, not {PUBLISHED}; delete it, so that Chroma gets it anew"
        )
    with tarfile.open(path, "r:gz") as archive:
        return _file(archive, _TOKENIZER), _file(archive, _MODEL)


def encoder(session: Any) -> Callable[[Any], Any]:
    """What gives the vector of one text, float32 of length 1, for its tokens, int64 of shape (tokens,)."""
    import numpy

    def encoded(tokens: Any) -> Any:
        one = tokens[None, :]
        given = {"input_ids": one, "attention_mask": numpy.ones_like(one), "token_type_ids": numpy.zeros_like(one)}
        [[states], *_] = session.run(None, given)
        total = states.sum(axis=0)  # stands for the mean: dividing both by their length gives the same
        return total / numpy.linalg.norm(total)

    return encoded


def _file(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None, "the hash vouches for what is in the archive"
    return file.read()
