"""`bullpen memory forget`: a source with what rests on it, or a note, deleted once somebody has said so."""

import sys
from collections.abc import Mapping
from typing import Any

import anyio

from ..errors import BadInput, Refused
from ..text import shorten
from .printing import print_json
from .remembered import opened


def forget_source(name: str, settings: Mapping[str, Any], *, is_sure: bool, as_json: bool) -> None:
    """Delete a source. Raises BadInput where there is none, Refused where somebody says no."""
    anyio.run(_forget_source, name, settings, is_sure, as_json)


async def _forget_source(name: str, settings: Mapping[str, Any], is_sure: bool, as_json: bool) -> None:
    async with opened(settings) as remembered:
        source = await remembered.source(name)
        resting = [note for note in await remembered.notes() if note.source == source.id]
        told = f"source {source.id!r} ({shorten(source.title, 60) or 'no title'}) with {len(resting)} notes on it"
        if not is_sure:
            await _ask(f"forget {told}?", is_quiet=as_json)
        await remembered.memory.forget_source(source.id)
    if as_json:
        print_json({"source": source.id, "notes": [note.model_dump() for note in resting]})
        return
    sys.stdout.write(f"{told} forgotten\n")
    for note in resting:
        sys.stdout.write(f"  {shorten(note.about, 40) or 'note'}: {shorten(note.text, 100)}\n")


def forget_note(key: str, settings: Mapping[str, Any], *, is_sure: bool, as_json: bool) -> None:
    """Delete a note. Raises BadInput where there is none, Refused where somebody says no."""
    anyio.run(_forget_note, key, settings, is_sure, as_json)


async def _forget_note(key: str, settings: Mapping[str, Any], is_sure: bool, as_json: bool) -> None:
    async with opened(settings) as remembered:
        note = await remembered.note(key)
        if not is_sure:
            await _ask(f"forget note {note.key}: {shorten(note.text, 100)}?", is_quiet=as_json)
        await remembered.memory.forget(note.key)
    if as_json:
        print_json({"note": note.model_dump()})
        return
    sys.stdout.write(f"note {note.key} forgotten: {shorten(note.text, 100)}\n")
    if note.supersedes:
        sys.stdout.write(f"  what it has superseded stays so: {', '.join(note.supersedes)}\n")


async def _ask(question: str, *, is_quiet: bool) -> None:
    """Return once somebody at the terminal has said yes. Raises BadInput where nobody is there, Refused for a no."""
    if is_quiet or not sys.stdin.isatty():
        raise BadInput("what is forgotten is gone, and nobody can be asked here; pass --yes")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    said = await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
    if said.strip().lower() not in ("y", "yes"):
        raise Refused("nothing is forgotten")
