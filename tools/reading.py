"""Reads one file: its documents, the reasons where there are none, and at last the file as it was.

A file is opened once, and what is read of it is what was looked at: no pipe or device that took its place is waited
for, and no file is taken for whole that was written to meanwhile.
"""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ..orchestrator.evidence import Document, File, Unreadable
from ..orchestrator.text import clean, has_words, shorten
from . import formats
from .child import Child, Unparsed
from .encoding import decode
from .finding import Found
from .formats import LINES, TEXT, ending_of
from .front_matter import front_matter
from .json_lines import read_lines
from .stamp import stamp, was_at_rest
from .title import title_of

Item = Document | Unreadable | File

#: How often a file is read that is written to meanwhile.
_TRIES = 3
_CHANGED = "it changed while it was read; read it again when nobody writes to it"


def read(file: Found, child: Child | None = None) -> Iterator[Item]:
    """What there is in it, in order; the file itself comes last, where all of it was read and it was at rest before.

    What a library has to parse needs a child.
    """
    if file.reason:
        yield Unreadable(uri=file.uri, reason=file.reason)
        return
    try:
        if ending_of(file.path.name) in LINES:
            yield from _read_lines(file)
        else:
            yield from _read_whole(file, child)
    except OSError as error:
        yield Unreadable(uri=file.uri, reason=f"cannot be read: {error.strerror or error}")
    except (ValueError, Unparsed) as error:
        yield Unreadable(uri=file.uri, reason=str(error))


def stamp_of(path: Path) -> str:
    """The file's stamp as it is now; empty where there is none."""
    try:
        return stamp(path.stat())
    except OSError:
        return ""


def _read_lines(file: Found) -> Iterator[Item]:
    documents: list[str] = []
    is_whole = True
    began_ns = time.time_ns()
    with _opened(file.path) as source:
        before = os.fstat(source.fileno())
        for item in read_lines(source, file.path.name.lower().endswith(".gz"), file.uri, file.name):
            if isinstance(item, Document):
                documents.append(item.id)
            else:
                is_whole = False
            yield item
        if stamp(os.fstat(source.fileno())) != stamp(before):
            yield Unreadable(uri=file.uri, reason=_CHANGED)
        elif is_whole and was_at_rest(before, began_ns):
            yield File(uri=file.uri, stamp=stamp(before), documents=tuple(documents))


def _read_whole(file: Found, child: Child | None) -> Iterator[Item]:
    """Raises OSError, ValueError or Unparsed, saying why there is no text."""
    began_ns = time.time_ns()
    data, status = _bytes_of(file.path)
    ending = ending_of(file.path.name)
    if ending in TEXT:
        yield _as_text(data, file.name, file.uri, ending)
    else:
        assert child is not None
        yield _parse(child, data, file.name, file.uri, ending)
    if was_at_rest(status, began_ns):
        yield File(uri=file.uri, stamp=stamp(status), documents=(file.name,))


def _bytes_of(path: Path) -> tuple[bytes, os.stat_result]:
    """All bytes of a file, and what it was like, before and after. Raises OSError or ValueError."""
    for _ in range(_TRIES):
        with _opened(path) as source:
            before = os.fstat(source.fileno())
            data = source.read(formats.FILE_MAX + 1)
            if stamp(os.fstat(source.fileno())) == stamp(before):
                return data, before
    raise ValueError(_CHANGED)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Raises OSError or ValueError where it is not a file that is read."""
    _check(path.stat())  # first by its name: a device may do things on being opened
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as source:
        _check(os.fstat(descriptor))
        yield source


def _check(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("not a regular file")
    if not status.st_size:
        raise ValueError("empty")
    if status.st_size > formats.FILE_MAX:
        raise ValueError(f"{status.st_size} bytes; at most {formats.FILE_MAX} are read, so split it")


def _as_text(data: bytes, name: str, uri: str, ending: str) -> Document:
    """Raises ValueError, saying why there is no text."""
    text, encoding = decode(data)
    text = clean(text)
    fields, start = front_matter(text, blocks=ending == ".md")
    if encoding != "utf-8":
        fields = {**fields, "encoding": encoding}
    # A title is looked for below the front matter, and in it where nothing follows.
    title = _said(fields) or title_of(text[start:]) or title_of(text) or Path(name).name
    return Document(id=name, title=title, uri=uri, text=text, metadata=fields)


def _said(fields: dict[str, Any]) -> str:
    """The title that a document gives itself; empty where it gives none."""
    title = fields.get("title")
    return shorten(title) if isinstance(title, str) and has_words(title) else ""


def _parse(child: Child, data: bytes, name: str, uri: str, ending: str) -> Document:
    """Raises Unparsed."""
    text, title, metadata = child.parse(ending, data)
    return Document(id=name, title=title or title_of(text) or Path(name).name, uri=uri, text=text, metadata=metadata)
