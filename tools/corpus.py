"""Reads what people have: files and folders in, documents out, in a stable order (`ports.CorpusReader`).

Reads `.md`, `.rst`, `.txt` (a document each) and `.jsonl`, `.jsonl.gz` (a document a line: `_id` or `id`, `title`,
`text`; other fields are metadata). What cannot be read comes out as Unreadable, in its place. Blocking work runs in
a thread; a few documents are in memory at once, never the corpus.
"""

import gzip
import json
import math
import os
import zlib
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from anyio import to_thread

from ..orchestrator.errors import BadInput
from ..orchestrator.evidence import Document, Unreadable
from ..orchestrator.text import clean
from .title import title_of

ENDINGS = (".md", ".rst", ".txt", ".jsonl", ".jsonl.gz")
#: Bytes of a file on disk.
FILE_MAX = 64 * 2**20
#: Bytes a packed file may unpack to: a small file can claim terabytes.
UNPACKED_MAX = 512 * 2**20
#: How deep a JSON line's metadata may nest.
DEPTH_MAX = 32
#: Documents read per visit to the thread.
BATCH = 32

#: Endings of documents that people expect to be read, so that leaving them out is said aloud.
_UNREAD = (".pdf", ".doc", ".docx", ".odt", ".rtf", ".epub", ".html", ".htm")


class _File(NamedTuple):
    """A file to read, and its name within the corpus; or the reason why not."""

    path: Path
    name: str
    reason: str = ""


async def read_corpus(paths: Sequence[Path]) -> AsyncIterator[Document | Unreadable]:
    """The documents of these files and folders (recursive, sorted), and what could not be read.

    A document's id is its path within the given folder, a given file's name, or a JSON line's own id. Hidden folders
    are passed over, as are files that are no documents.

    Raises: BadInput when a path does not exist, or when nothing there has an ending that is read.
    """
    files = await to_thread.run_sync(_find, paths)
    first_uri: dict[str, str] = {}
    with closing(_read_all(files)) as items:
        while batch := await to_thread.run_sync(_take, items):
            for item in batch:
                yield _unless_seen(item, first_uri)


def _unless_seen(item: Document | Unreadable, first_uri: dict[str, str]) -> Document | Unreadable:
    if isinstance(item, Unreadable):
        return item
    if item.id in first_uri:
        return Unreadable(uri=item.uri, reason=f"id {item.id!r} was read already, from {first_uri[item.id]}")
    first_uri[item.id] = item.uri
    return item


def _take(items: Iterator[Document | Unreadable]) -> list[Document | Unreadable]:
    return list(islice(items, BATCH))


def _read_all(files: Sequence[_File]) -> Generator[Document | Unreadable, None, None]:
    for file in files:
        yield from _read(file)


# Finding files


def _find(paths: Sequence[Path]) -> list[_File]:
    files: list[_File] = []
    for path in paths:
        if not path.exists():
            raise BadInput(f"corpus {str(path)!r} does not exist; give a file or folder that does")
        files.extend(_walk(path) if path.is_dir() else [_given(path)])
    if not any(file.path.name.lower().endswith(ENDINGS) for file in files):
        raise BadInput(
            f"nothing to read in {', '.join(map(repr, map(str, paths)))}; give files ending in {', '.join(ENDINGS)}"
        )
    return files


def _given(path: Path) -> _File:
    known = path.name.lower().endswith(ENDINGS)
    return _File(path, path.name, "" if known else f"its ending is not one of {', '.join(ENDINGS)}")


def _walk(root: Path) -> Iterator[_File]:
    inside = root.resolve()
    problems: list[OSError] = []
    for folder, folders, names in os.walk(root, onerror=problems.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted([*names, *linked]):
            path = Path(folder) / name
            if name in linked or name.lower().endswith((*ENDINGS, *_UNREAD)):
                if reason := _reason_against(path, inside):
                    yield _File(path, path.relative_to(root).as_posix(), reason)
                elif name not in linked:
                    yield _File(path, path.relative_to(root).as_posix())
    for problem in problems:
        path = Path(problem.filename)
        yield _File(path, path.relative_to(root).as_posix(), f"cannot be opened: {problem.strerror}")


def _reason_against(path: Path, inside: Path) -> str:
    """Why a path found in a folder is not read, or nothing."""
    if path.is_symlink() and not path.resolve().is_relative_to(inside):
        return "a link that leads outside the folder"
    if path.name.startswith("."):
        return "hidden"
    if not path.exists():
        return "a link that leads nowhere"
    if path.is_file() and path.name.lower().endswith(_UNREAD):
        return f"its ending is not one of {', '.join(ENDINGS)}"
    return ""


# Reading one file


def _read(file: _File) -> Iterator[Document | Unreadable]:
    uri = clean(str(file.path))
    if reason := file.reason or _reason_by_size(file.path):
        yield Unreadable(uri=uri, reason=reason)
        return
    try:
        if file.path.name.lower().endswith((".jsonl", ".jsonl.gz")):
            yield from _read_lines(file.path, clean(file.name))
        else:
            yield _read_text(file.path, clean(file.name))
    except OSError as error:
        yield Unreadable(uri=uri, reason=f"cannot be read: {error.strerror or error}")


def _reason_by_size(path: Path) -> str:
    try:
        if not path.is_file():
            return "not a regular file"
        size = path.stat().st_size
    except OSError as error:
        return f"cannot be opened: {error.strerror}"
    if not size:
        return "empty"
    return f"{size} bytes; at most {FILE_MAX} are read, so split it" if size > FILE_MAX else ""


def _read_text(path: Path, name: str) -> Document | Unreadable:
    uri = clean(str(path))
    try:
        text = _decode(path.read_bytes())
    except ValueError as error:
        return Unreadable(uri=uri, reason=str(error))
    return Document(id=name, title=title_of(text) or path.name, uri=uri, text=text)


def _decode(data: bytes) -> str:
    """The text. Raises ValueError, saying why there is none."""
    if b"\0" in data:
        raise ValueError("not text: it holds NUL bytes")
    try:
        text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from error
    if not text.strip():
        raise ValueError("empty")
    return text


def _read_lines(path: Path, name: str) -> Iterator[Document | Unreadable]:
    uri, number = clean(str(path)), 0
    try:
        with _unpacked(path) as lines:
            for number, line in enumerate(_bounded(lines), start=1):
                if line.strip():
                    yield _read_line(line, f"{uri}#{number}", f"{name}:{number}", number)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield Unreadable(uri=uri, reason=f"damaged after line {number}: {error}")
    except ValueError as error:
        yield Unreadable(uri=uri, reason=f"the rest after line {number} was not read: {error}")


def _unpacked(path: Path) -> BinaryIO | gzip.GzipFile:
    return gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb")


def _bounded(lines: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    """The lines. Raises ValueError at the bounds, holding no more than one line of `FILE_MAX`."""
    left = UNPACKED_MAX
    while line := lines.readline(min(FILE_MAX, left) + 1):
        left -= len(line)
        if left < 0:
            raise ValueError(f"it unpacks to more than {UNPACKED_MAX} bytes; split it")
        if len(line) > FILE_MAX:
            raise ValueError(f"a line of more than {FILE_MAX} bytes")
        yield line


def _read_line(line: bytes, uri: str, fallback: str, number: int) -> Document | Unreadable:
    try:
        fields = _plain(json.loads(_decode(line)), DEPTH_MAX)
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


def _plain(value: Any, depth: int) -> Any:
    """The JSON value with clean strings and finite numbers, as any store can keep it."""
    if not depth:
        raise ValueError(f"nested deeper than {DEPTH_MAX}")
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_plain(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return {clean(key): _plain(item, depth - 1) for key, item in value.items()}
    return value
