"""Reads what people have: files and folders in, documents out, in a stable order (`ports.CorpusReader`).

Reads `.md`, `.rst`, `.txt`, `.html`, `.htm`, `.pdf`, `.docx` (a document each) and `.jsonl`, `.jsonl.gz` (a document a
line). What cannot be read comes out as Unreadable, in its place. Blocking work runs in a thread, parsers in a child
process; a few documents are in memory at once, never the corpus.
"""

import os
import time
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from anyio import from_thread, to_thread

from ..orchestrator.errors import BadInput
from ..orchestrator.evidence import Document, Unreadable
from ..orchestrator.text import clean, has_words, shorten
from . import formats
from .child import Child, Limits, Unparsed
from .encoding import decode
from .formats import ENDINGS, LINES, TEXT, UNREAD, ending_of
from .front_matter import front_matter
from .json_lines import read_lines
from .title import title_of

#: Documents, and seconds of reading them, per visit to the thread.
BATCH, BATCH_S = 32, 0.2
#: What parsing one document may cost.
LIMITS = Limits()


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
    """The next few; what takes long to read comes by itself, so that it waits for nothing and is not piled up."""
    taken: list[Document | Unreadable] = []
    end = time.monotonic() + BATCH_S
    for item in items:
        taken.append(item)
        if len(taken) == BATCH or time.monotonic() > end:
            break
    return taken


def _read_all(files: Sequence[_File]) -> Generator[Document | Unreadable, None, None]:
    # A job that is cancelled ends the child, and does not wait for it.
    with Child(LIMITS, check=from_thread.check_cancelled) as child:
        for file in files:
            yield from _read(file, child)


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
            if name in linked or name.lower().endswith((*ENDINGS, *UNREAD)):
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
    if path.is_file() and path.name.lower().endswith(UNREAD):
        return f"its ending is not one of {', '.join(ENDINGS)}"
    return ""


# Reading one file


def _read(file: _File, child: Child) -> Iterator[Document | Unreadable]:
    uri, name, ending = clean(str(file.path)), clean(file.name), ending_of(file.path.name)
    if reason := file.reason or _reason_by_size(file.path):
        yield Unreadable(uri=uri, reason=reason)
        return
    try:
        if ending in LINES:
            yield from read_lines(file.path, name)
        elif ending in TEXT:
            yield _read_text(file.path.read_bytes(), name, uri, ending)
        else:
            yield _parse(child, file.path.read_bytes(), name, uri, ending)
    except OSError as error:
        yield Unreadable(uri=uri, reason=f"cannot be read: {error.strerror or error}")
    except (ValueError, Unparsed) as error:
        yield Unreadable(uri=uri, reason=str(error))


def _reason_by_size(path: Path) -> str:
    try:
        if not path.is_file():
            return "not a regular file"
        size = path.stat().st_size
    except OSError as error:
        return f"cannot be opened: {error.strerror}"
    if not size:
        return "empty"
    return f"{size} bytes; at most {formats.FILE_MAX} are read, so split it" if size > formats.FILE_MAX else ""


def _read_text(data: bytes, name: str, uri: str, ending: str) -> Document:
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
