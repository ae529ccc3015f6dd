"""`bullpen memory recall` and `resolve`: what workers have noted about a subject, side by side, and which stands."""

import sys
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import anyio
from rich.columns import Columns
from rich.console import Group
from rich.text import Text

from ..errors import BadInput
from ..ports import Note
from ..text import shorten
from .memory_find import NOTHING, one_line, say
from .printing import console, print_json, print_table, when
from .remembered import Remembered, opened

#: The narrowest that a note is shown beside another one, and what is between them, in columns.
_NARROW, _BETWEEN = 36, 3


def list_subjects(settings: Mapping[str, Any], *, job: str | None, as_json: bool) -> int:
    """Every subject that there are notes about, those in conflict first. The exit status: 4 where there are none."""
    return anyio.run(_list_subjects, settings, job, as_json)


async def _list_subjects(settings: Mapping[str, Any], job: str | None, as_json: bool) -> int:
    async with opened(settings) as remembered:
        scope = remembered.scope(job) if job else None
        notes = [note for note in await remembered.notes() if note.about and note.superseded is None]
    notes = sorted((note for note in notes if scope in (None, note.scope)), key=_subject)
    rows = [_as_subject(*subject, list(of_subject)) for subject, of_subject in groupby(notes, _subject)]
    rows.sort(key=lambda row: (not row["in_conflict"], -row["at"]))
    if as_json:
        print_json(rows)
    elif rows:
        columns = ("about", "job", "notes", "conflict", "last written")
        shown = [
            (shorten(row["about"], 60), row["job"], str(row["notes"]), "yes" if row["in_conflict"] else "")
            for row in rows
        ]
        print_table(columns, [[*cells, when(row["at"])] for cells, row in zip(shown, rows, strict=True)])
    else:
        sys.stdout.write("no worker has noted anything about a subject: `ctx.memory.add(claim, about=…)` does\n")
    return 0 if rows else NOTHING


def _subject(note: Note) -> tuple[str, str]:
    return note.about, note.scope


def _as_subject(about: str, job: str, notes: Sequence[Note]) -> dict[str, Any]:
    return {
        "about": about,
        "job": job,
        "notes": len(notes),
        "in_conflict": any(note.contradicts for note in notes),
        "at": max(note.at for note in notes),
    }


def show_notes(about: str, settings: Mapping[str, Any], *, job: str | None, history: bool, as_json: bool) -> int:
    """The notes about a subject, with where they come from. The exit status: 4 where there are none."""
    return anyio.run(_show_notes, about, settings, job, history, as_json)


async def _show_notes(about: str, settings: Mapping[str, Any], job: str | None, history: bool, as_json: bool) -> int:
    async with opened(settings) as remembered:
        scopes = [remembered.scope(job)] if job else None
        notes = await remembered.memory.recall(about, scopes=scopes, history=history)
        quotes = {note.key: await remembered.memory.read(note.source, note.start, note.end) for note in notes}
    if as_json:
        print_json([{**note.model_dump(), "quote": quotes[note.key]} for note in notes])
    for scope, of_job in groupby(() if as_json else sorted(notes, key=lambda note: note.scope), lambda n: n.scope):
        _print_side_by_side(about, scope, list(of_job), quotes)
    if not notes and not as_json:
        sys.stdout.write(f"nothing is noted about {about!r}; `bullpen memory recall` lists subjects\n")
    return 0 if notes else NOTHING


def _print_side_by_side(about: str, job: str, notes: Sequence[Note], quotes: Mapping[str, str]) -> None:
    against = sum(bool(note.contradicts) for note in notes)
    told = f": {against} notes stand against each other" if against else ""
    say([Text(f"{one_line(about)!r} in job {one_line(job)}{told}", style="bold red" if against else "bold")])
    blocks = [_block(note, quotes[note.key]) for note in notes]
    screen = console()
    width = screen.width // len(blocks) - _BETWEEN
    if screen.is_terminal and len(blocks) > 1 and width >= _NARROW:
        sides = [Group(*block) for block in blocks]
        screen.print(Columns(sides, width=width, padding=(0, _BETWEEN)))
    else:
        say(line for block in blocks for line in (*block, Text()))


def _block(note: Note, quote: str) -> list[Text]:
    """A note: what it says, on what it rests, who wrote it and what has become of it."""
    is_live = note.superseded is None
    run = f", task {note.task} of run {note.run}" if note.run else ""
    told = [
        Text(one_line(note.text), style="bold" if is_live else "strike"),
        Text(f"  “{shorten(quote, 200)}”"),
        Text(f"  in {one_line(note.source)} {note.start}..{note.end}"),
        Text(f"  by {one_line(note.writer)}{one_line(run)}"),
        Text(f"  at {when(note.at) or 'an unknown time'}, version {note.version}"),
        Text(f"  key {one_line(note.key)}"),
    ]
    if note.contradicts:
        told.append(Text(f"  against {one_line(', '.join(note.contradicts))}", style="red"))
    if note.supersedes:
        told.append(Text(f"  in place of {one_line(', '.join(note.supersedes))}"))
    return told if is_live else [*told, _ended(note)]


def _ended(note: Note) -> Text:
    if note.superseded is None or not note.superseded.by:
        return Text("  superseded by a note that has been forgotten", style="dim")
    by, writer, at, reason = note.superseded.by, note.superseded.writer, note.superseded.at, note.superseded.reason
    why = f": {reason}" if reason else ""
    return Text(one_line(f"  superseded by {by}{why} ({writer}, {when(at) or 'at an unknown time'})"), style="dim")


def choose(key: str, reason: str, settings: Mapping[str, Any], *, as_json: bool) -> None:
    """Let a note stand for its subject. Raises BadInput where it cannot, or without a reason."""
    if not reason.strip():
        raise BadInput("--reason is empty; say why this one stands, for whoever looks later")
    anyio.run(_choose, key, reason, settings, as_json)


async def _choose(key: str, reason: str, settings: Mapping[str, Any], as_json: bool) -> None:
    async with opened(settings) as remembered:
        note = await remembered.note(key)
        kept = await remembered.memory.resolve(note.key, reason=reason, writer="user")
        gone = await _of_keys(remembered, sorted({*kept.supersedes} - {*note.supersedes}))
    if as_json:
        print_json({"note": kept.model_dump(), "superseded": [each.model_dump() for each in gone]})
        return
    alone = "" if gone else ", as it did: nothing stands against it"
    sys.stdout.write(f"{shorten(kept.about, 60)!r}: “{shorten(kept.text, 100)}” stands{alone}\n")
    sys.stdout.writelines(f"  superseded: “{shorten(each.text, 100)}” ({each.key})\n" for each in gone)


async def _of_keys(remembered: Remembered, keys: Sequence[str]) -> list[Note]:
    return [note for note in await remembered.notes() if note.key in keys]
