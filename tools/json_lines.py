"""Reads `.jsonl` and `.jsonl.gz`: a document a line (`_id` or `id`, `title`, `text`; other fields are metadata)."""

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from ..orchestrator.evidence import Document, Unreadable
from ..orchestrator.text import clean
from . import formats
from .encoding import decode_utf8
from .plain import plain
from .title import title_of


def read_lines(file: BinaryIO, is_packed: bool, uri: str, name: str) -> Iterator[Document | Unreadable]:
    """The documents of one file, and the lines that are none. Raises OSError."""
    number = 0
    try:
        for number, line in enumerate(_bounded(gzip.GzipFile(fileobj=file) if is_packed else file), start=1):
            if line.strip():
                yield _read_line(line, f"{uri}#{number}", f"{name}:{number}", number)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield Unreadable(uri=uri, reason=f"damaged after line {number}: {error}")
    except ValueError as error:
        yield Unreadable(uri=uri, reason=f"the rest after line {number} was not read: {error}")


def _bounded(lines: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    """The lines. Raises ValueError at the bounds, holding no more than one line of `FILE_MAX`."""
    left = formats.UNPACKED_MAX
    while line := lines.readline(min(formats.FILE_MAX, left) + 1):
        left -= len(line)
        if left < 0:
            raise ValueError(f"it unpacks to more than {formats.UNPACKED_MAX} bytes; split it")
        if len(line) > formats.FILE_MAX:
            raise ValueError(f"a line of more than {formats.FILE_MAX} bytes")
        yield line


def _read_line(line: bytes, uri: str, fallback: str, number: int) -> Document | Unreadable:
    try:
        fields = plain(json.loads(decode_utf8(line)))
        text = _text_of(fields)
    except (ValueError, RecursionError) as error:
        return Unreadable(uri=uri, reason=f"line {number}: {clean(str(error))}")
    name = next((fields[key] for key in ("_id", "id") if fields.get(key) not in (None, "")), fallback)
    title = fields.get("title")
    title = title if isinstance(title, str) and title.strip() else title_of(text) or str(name)
    metadata = {key: value for key, value in fields.items() if key not in ("_id", "id", "title", "text")}
    return Document(id=str(name), title=title, uri=uri, text=text, metadata=metadata)


def _text_of(fields: Any) -> str:
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")
    text = fields.get("text")
    if not isinstance(text, str):
        raise ValueError("no 'text'")
    if not text.strip():
        raise ValueError("empty")
    return text
