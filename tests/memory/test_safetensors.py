"""The reader of weights: views of what is there, and a clear error for whatever is not as its header says."""

import json
from pathlib import Path
from typing import Any

import numpy
import pytest

from bullpen.memory.safetensors import mapped, tensors
from bullpen.orchestrator.errors import BadInput

ONE: dict[str, Any] = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
BYTES = numpy.arange(6, dtype="<f4").tobytes()


def pack(header: object, data: bytes = BYTES, *, pad: int = 0) -> bytes:
    text = json.dumps(header).encode() + b" " * pad
    return len(text).to_bytes(8, "little") + text + data


def read(folder: Path, data: bytes) -> dict[str, Any]:
    file = folder / "tiny.safetensors"
    file.write_bytes(data)
    return tensors(file, mapped(file))


@pytest.mark.parametrize("pad", range(4))
def test_tensors_are_read_wherever_they_start(pad: int, tmp_path: Path) -> None:
    whole = {"dtype": "I64", "shape": [], "data_offsets": [24, 32]}
    none = {"dtype": "F32", "shape": [0, 4], "data_offsets": [32, 32]}
    header = {"__metadata__": {"format": "pt"}, "one": ONE, "whole": whole, "none": none}

    found = read(tmp_path, pack(header, BYTES + (-5).to_bytes(8, "little", signed=True), pad=pad))

    assert {name: array.tolist() for name, array in found.items()} == {
        "one": [[0, 1, 2], [3, 4, 5]],
        "whole": -5,
        "none": [],
    }
    assert all(array.flags.aligned for array in found.values())


def test_nothing_is_copied(tmp_path: Path) -> None:
    header = {"one": ONE}
    pad = -len(json.dumps(header)) % 8

    assert not read(tmp_path, pack(header, pad=pad))["one"].flags.owndata


GOOD = pack({"one": ONE})
WRONG = {
    "nothing at all": (b"", "the header should end at byte 8 of 0"),
    "a length cut short": (GOOD[:5], "the header should end at byte"),
    "a header cut short": (GOOD[:20], "the header should end at byte"),
    "data cut short": (GOOD[:-1], r"tensor 'one' of shape \[2, 3\] cannot stand at 0:24 of 23"),
    "a length beyond the file": (b"\xff" * 8 + GOOD, "the header should end at byte"),
    "no JSON": (b"\x02" + bytes(7) + b"{]", "the header is not JSON"),
    "no UTF-8": (b"\x02" + bytes(7) + b"\xff\xff", "the header is not JSON"),
    "JSON without an end": (pack("x")[:8] + b"[[[", "the header is not JSON"),
    "JSON too deep": ((10**5).to_bytes(8, "little") + b"[" * 10**5, "the header is not JSON"),
    "a list": (pack([1]), "the header is not a JSON object"),
    "a number for a tensor": (pack({"one": 7}), "lacks its dtype, shape or data_offsets"),
    "no shape": (pack({"one": {"dtype": "F32", "data_offsets": [0, 24]}}), "lacks its dtype"),
    "a third offset": (pack({"one": ONE | {"data_offsets": [0, 24, 24]}}), "lacks its dtype"),
    "an offset in words": (pack({"one": ONE | {"data_offsets": [0, "24"]}}), "lacks its dtype"),
    "an unknown dtype": (pack({"one": ONE | {"dtype": "F9"}}), "is of dtype 'F9', not one of F32, I64"),
    "a negative size": (pack({"one": ONE | {"shape": [-2, -3]}}), r"has the shape \[-2, -3\]"),
    "half a row": (pack({"one": ONE | {"shape": [1.5, 4]}}), r"has the shape \[1.5, 4\]"),
    "a shape that is too small": (pack({"one": ONE | {"shape": [2, 2]}}), "cannot stand at 0:24 of 24"),
    "a shape beyond all memory": (pack({"one": ONE | {"shape": [2**40, 2**40]}}), "cannot stand"),
    "an offset beyond the end": (pack({"one": ONE | {"data_offsets": [8, 32]}}), "cannot stand at 8:32 of 24"),
    "an offset before the start": (pack({"one": ONE | {"data_offsets": [-8, 16]}}), "cannot stand at -8:16"),
    "an end before its start": (pack({"one": ONE | {"data_offsets": [24, 0]}}), "cannot stand at 24:0"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_file_that_is_not_as_its_header_says_is_refused(kind: str, tmp_path: Path) -> None:
    data, what = WRONG[kind]

    with pytest.raises(BadInput, match=rf"tiny\.safetensors' is not a safetensors file: .*{what}.*; get it anew$"):
        read(tmp_path, data)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read: Is a directory"):
        mapped(tmp_path)
