"""Reads tensors out of a file without copying them.

Source: the safetensors format: eight bytes that tell the header's length, a JSON header, then the tensors' bytes.
"""

import json
import math
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..orchestrator.errors import BadInput

#: The longest header that the format allows, in bytes.
HEADER_MOST = 100_000_000

_KINDS = {"F32": "<f4", "I64": "<i8"}
_LENGTH = 8


def mapped(path: Path) -> bytes | mmap.mmap:
    """The bytes of a file, mapped and not read. Raises BadInput when it cannot be opened."""
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)  # nothing cannot be mapped
            return b"" if is_empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise BadInput(f"{str(path)!r} cannot be read: {error.strerror}; give the whole folder of the model") from error


def tensors(path: Path, data: bytes | mmap.mmap) -> dict[str, Any]:
    """Each tensor by its name, as a numpy view into `data`; `path` is what errors name.

    Raises: BadInput for a header that is cut short, is not what the format says, or tells of bytes that are not there.
    """
    header, start = _header(path, data)
    return {name: _tensor(path, data, start, name, told) for name, told in header.items() if name != "__metadata__"}


def _header(path: Path, data: bytes | mmap.mmap) -> tuple[Mapping[str, Any], int]:
    """What is told of each tensor, and where their bytes start."""
    length = int.from_bytes(data[:_LENGTH], "little")
    start = _LENGTH + length
    if start > len(data):
        raise _damaged(path, f"the header should end at byte {start} of {len(data)}")
    if length > HEADER_MOST:
        raise _damaged(path, f"the header has {length} bytes, more than {HEADER_MOST}")
    try:
        header = json.loads(data[_LENGTH:start])
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"the header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise _damaged(path, "the header is not a JSON object")
    return header, start


def _tensor(path: Path, data: bytes | mmap.mmap, start: int, name: str, told: Any) -> Any:
    import numpy

    match told:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [int(first), int(last)]}:
            pass
        case _:
            raise _damaged(path, f"tensor {name!r} lacks its dtype, shape or data_offsets")
    if dtype not in _KINDS:
        raise _damaged(path, f"tensor {name!r} is of dtype {dtype!r}, not one of {', '.join(_KINDS)}")
    if not all(isinstance(size, int) and size >= 0 for size in shape):
        raise _damaged(path, f"tensor {name!r} has the shape {shape}")
    kind, count = numpy.dtype(_KINDS[dtype]), math.prod(shape)
    if not 0 <= first <= last <= len(data) - start or last - first != count * kind.itemsize:
        raise _damaged(path, f"tensor {name!r} of shape {shape} cannot stand at {first}:{last} of {len(data) - start}")
    flat = numpy.frombuffer(data, kind, count, start + first) if count else numpy.empty(0, kind)
    return numpy.require(flat.reshape(shape), requirements="A")  # copied only where the file left it unaligned


def _damaged(path: Path, what: str) -> BadInput:
    return BadInput(f"{str(path)!r} is not a safetensors file: {what}; get it anew")
