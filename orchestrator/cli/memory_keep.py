"""`bullpen memory stats` and `export`: what there is, and all of it."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio

from ..errors import BadInput
from ..evidence import Source
from ..regular_files import check_named, replacing
from .printing import json_line, print_json, print_table
from .remembered import Remembered, opened


def show_stats(settings: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what the memory holds, and how far its indexes have come."""
    anyio.run(_stats, settings, as_json)


async def _stats(settings: Mapping[str, Any], as_json: bool) -> None:
    async with opened(settings) as remembered:
        stored = remembered.stored
        read_from = {corpus: _common(await remembered.memory.select((), corpora=[corpus])) for corpus in stored.corpora}
        again = sum([len(await remembered.memory.duplicates(corpus)) for corpus in stored.corpora])
    size = _size(remembered.folder)
    if as_json:
        print_json(
            {
                "folder": str(remembered.folder),
                "bytes": size,
                **stored.model_dump(),
                "duplicates": again,
                "read_from": read_from,
            }
        )
        return
    for name, said in _lines(remembered, size, again):
        sys.stdout.write(f"{name:<10}{said}\n")
    if stored.corpora:
        sys.stdout.write("\n")
        rows = [[corpus, str(count), read_from[corpus]] for corpus, count in stored.corpora.items()]
        print_table(("corpus", "documents", "read from"), rows)


def _lines(remembered: Remembered, size: int, duplicates: int) -> list[tuple[str, str]]:
    stored = remembered.stored
    against = "no subject in conflict"
    if stored.conflicts:
        against = f"{_count(stored.conflicts, 'subject')} in conflict: `bullpen memory recall` lists them"
    same = f"; {duplicates:,} say what others did before" if duplicates else ""
    seen = f"has not seen {_count(stored.pending, 'passage')} yet" if stored.pending else "has seen every passage"
    made = f"{stored.lacking:,} to be made" if stored.lacking else "none to be made"
    need = "" if stored.is_semantic or not stored.lacking else ", and none is needed while words alone rank"
    lines = [
        ("memory", f"{remembered.folder}, {size:,} bytes on disk"),
        ("documents", f"{stored.sources:,}, in {_count(stored.passages, 'passage')}{same}"),
        ("notes", f"{stored.notes:,}, {against}"),
        ("embedder", f"{stored.embedder}, {'ranks beside words' if stored.is_semantic else 'words alone rank'}"),
        ("vectors", f"{stored.vectors:,}, {made}{need}"),
        ("index", seen),
    ]
    lines += [("failed", f"{stored.failed}: no more vectors are made")] if stored.failed else []
    return [*lines, ("damaged", f"{stored.damage}; delete that once you have looked")] if stored.damage else lines


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _common(sources: tuple[Source, ...]) -> str:
    """The folder or file that the documents of a corpus were read from, as far as one holds them all."""
    uris = [source.uri.partition("#")[0] for source in sources]
    with suppress(ValueError):  # some are paths and some are not
        return os.path.commonpath(uris)
    return uris[0] if uris else ""


def _size(folder: Path) -> int:
    """The bytes of its files; some may come and go meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def export_memory(settings: Mapping[str, Any], *, out: Path | None, is_forced: bool, as_json: bool) -> None:
    """Write everything, to standard output or to a private file that is there when it is whole. Raises BadInput."""
    if out is None:
        anyio.run(_export, settings, sys.stdout.write)
        return
    try:
        check_named(out)
        if out.exists() and not is_forced:
            raise BadInput(f"{str(out)!r} is there already; --force replaces it")
        with replacing(out, out.with_name(f".{out.name}.{os.getpid()}")) as file:
            counts = anyio.run(_export, settings, lambda text: file.write(text.encode()))
    except OSError as error:
        raise BadInput(f"{str(out)!r} cannot be written: {error.strerror}; give another file") from error
    if as_json:
        print_json({"file": str(out), "bytes": out.stat().st_size, **counts})
    else:
        told = f"{_count(counts['sources'], 'source')} and {_count(counts['notes'], 'note')}"
        sys.stdout.write(f"{told} exported to {out}\n")


async def _export(settings: Mapping[str, Any], write: Callable[[str], object]) -> dict[str, int]:
    counts = {"sources": 0, "notes": 0}
    async with opened(settings) as remembered:
        async for row in remembered.memory.export():
            write(json_line(row))
            counts[f"{row['kind']}s"] += 1
    write(json_line({"kind": "end", **counts}))
    return counts
