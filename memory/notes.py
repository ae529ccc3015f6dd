"""What agents have written down, in the records' file: found by key and by subject, with its history. Blocks."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..orchestrator.ports import Note, Superseded
from .database import Database
from .ranking import Place
from .records import Entry
from .rules import check_span, check_version, linked, not_live, said

_NOTE = """
SELECT records.number, key, records.text, sources.id, start, "end", scope, writer, run, task, about, at, version,
    (SELECT json_group_array(old.key) FROM links JOIN records old ON old.number = links.other
     WHERE links.record = records.number AND links.kind = 'supersedes'),
    (SELECT json_group_array(live.key) FROM links JOIN records live ON live.number = links.other
     WHERE links.record = records.number AND links.kind = 'contradicts' AND live.live AND records.live),
    (SELECT json_object('by', new.key, 'writer', links.writer, 'at', links.at, 'reason', links.reason)
     FROM links JOIN records new ON new.number = links.record
     WHERE links.other = records.number AND links.kind = 'supersedes'),
    records.live
FROM records JOIN sources ON sources.number = records.source
"""


class Written(NamedTuple):
    """What became of a note: as it is kept, its entry for the index unless it was there, and which entries went."""

    note: Note
    entry: Entry | None = None
    gone: tuple[Entry, ...] = ()


class Notes:
    """The notes of one open file; each method that writes is called within a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, note: Note, *, expects: int | None) -> Written:
        """Store the note, or replace the one of its key. The same note again changes nothing.

        Raises: BadInput when its span is not in memory; Conflict when its subject is not at the version expected.
        """
        row = self._database.execute("SELECT number, length(text) FROM sources WHERE id = ?", (note.source,)).fetchone()
        check_span(note.key, note.source, note.start, note.end, length=None if row is None else row[1])
        kept = self.get(note.key)
        if kept is not None and said(kept) == said(note):
            return Written(kept)
        replaced = () if kept is None else self._delete(kept.key)
        live = self.about(note.about, [note.scope])
        version = self._version(note.scope, note.about)
        check_version(note.about, expects, version)
        version = self._count(note.scope, note.about, version)
        cursor = self._database.execute(
            "INSERT INTO records (kind, source, start, end, text, scope, writer, key, run, task, about, version, at)"
            " VALUES ('note', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (row[0], *_placed(note), version, note.at),
        )
        links = linked(note, live, supersedes=expects is not None)
        gone = self._entries(links.supersedes)
        self._supersede(note, links.supersedes)
        self._contradict(note, links.contradicts)
        entry = Entry(Place(row[0], note.start, note.end, int(cursor.lastrowid or 0)), note.scope, note.text)
        return Written(note.model_copy(update={"version": version, **links._asdict()}), entry, replaced + gone)

    def get(self, key: str) -> Note | None:
        """The note of this key, superseded or not."""
        row = self._database.execute(f"{_NOTE} WHERE key = ?", (key,)).fetchone()
        return None if row is None else _as_note(row)

    def about(self, about: str, scopes: Sequence[str] | None, *, history: bool = False) -> tuple[Note, ...]:
        """The notes about a subject in these scopes (None: in all), oldest first; superseded ones with `history`."""
        where, values = "about = ? AND about != ''", [about]  # as the index of subjects has it
        if scopes is not None:
            where, values = f"{where} AND scope IN ({', '.join('?' * len(scopes))})", [about, *scopes]
        if not history:
            where = f"{where} AND live"
        rows = self._database.execute(f"{_NOTE} WHERE {where} ORDER BY records.number", values)
        return tuple(map(_as_note, rows))

    def resolve(self, key: str, *, expects: int | None, reason: str, writer: str, at: int) -> Written:
        """Let one live note stand for its subject; the others are superseded, for this reason.

        Raises: BadInput where it is not live; Conflict when its subject is not at the version expected.
        """
        keep = self.get(key)
        live = self.about(keep.about, [keep.scope]) if keep else ()
        if keep is None or keep.key not in {note.key for note in live}:
            raise not_live(key)
        others = tuple(note.key for note in live if note.key != key)
        if not others:
            return Written(keep)
        version = self._version(keep.scope, keep.about)
        check_version(keep.about, expects, version)
        version = self._count(keep.scope, keep.about, version)
        self._database.execute("UPDATE records SET version = ? WHERE key = ?", (version, key))
        gone = self._entries(others)
        self._supersede(keep.model_copy(update={"at": at, "writer": writer}), others, reason)
        return Written(self._kept(key), None, gone)

    def conflicts(self) -> int:
        """Subjects about which live notes say different things."""
        [count] = self._database.execute(
            "SELECT count(*) FROM (SELECT DISTINCT one.scope, one.about FROM links"
            " JOIN records one ON one.number = record JOIN records two ON two.number = other"
            " WHERE links.kind = 'contradicts' AND one.live AND two.live)"
        ).fetchone()
        return int(count)

    def forget(self, key: str) -> tuple[Entry, ...] | None:
        """Delete the note of this key; its entry, if it was live. None where there is no such note."""
        note = self.get(key)
        if note is None:
            return None
        self._count(note.scope, note.about, self._version(note.scope, note.about))
        return self._delete(key)

    def exported(self, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """Some notes, superseded ones too, in the order in which they were written, each with its number."""
        rows = self._database.execute(
            f"{_NOTE} WHERE kind = 'note' AND records.number > ? ORDER BY records.number LIMIT ?", (after, limit)
        )
        return [(int(row[0]), {"kind": "note", **_as_note(row).model_dump(mode="json")}) for row in rows]

    def entries(self) -> Iterator[Entry]:
        """Every live note, for the index: its own text is what a query meets, not the title of its source."""
        rows = self._database.execute(
            "SELECT source, start, end, number, scope, text FROM records WHERE kind = 'note' AND live"
        )
        return (Entry(Place(*row[:4]), row[4], row[5]) for row in rows)

    def _kept(self, key: str) -> Note:
        note = self.get(key)
        assert note is not None
        return note

    def _entries(self, keys: Sequence[str]) -> tuple[Entry, ...]:
        """The entries of these notes, of those that are live: the index has no others."""
        asked = "SELECT source, start, end, number, scope, text FROM records WHERE live AND key = ?"
        rows = [row for key in keys for row in self._database.execute(asked, (key,))]
        return tuple(Entry(Place(*row[:4]), row[4], row[5]) for row in rows)

    def _delete(self, key: str) -> tuple[Entry, ...]:
        gone = self._entries([key])
        self._database.execute("DELETE FROM records WHERE key = ?", (key,))
        return gone

    def _version(self, scope: str, about: str) -> int:
        row = self._database.execute(
            "SELECT version FROM subjects WHERE scope = ? AND about = ?", (scope, about)
        ).fetchone()
        return 0 if row is None else int(row[0])

    def _count(self, scope: str, about: str, version: int) -> int:
        """The version that a change to the subject makes."""
        if not about:
            return 0
        self._database.execute(
            "INSERT OR REPLACE INTO subjects (scope, about, version) VALUES (?, ?, ?)", (scope, about, version + 1)
        )
        return version + 1

    def _supersede(self, note: Note, others: Sequence[str], reason: str = "") -> None:
        """These are kept, but no longer found, even when the note that replaced them is forgotten."""
        self._database.executemany("UPDATE records SET live = 0 WHERE key = ?", [(other,) for other in others])
        self._link("supersedes", [(note.key, other) for other in others], note, reason)

    def _contradict(self, note: Note, others: Sequence[str]) -> None:
        pairs = [pair for other in others for pair in ((note.key, other), (other, note.key))]
        self._link("contradicts", pairs, note, "")

    def _link(self, kind: str, pairs: Sequence[tuple[str, str]], note: Note, reason: str) -> None:
        self._database.executemany(
            "INSERT OR REPLACE INTO links (record, kind, other, reason, writer, at)"
            " SELECT this.number, ?, that.number, ?, ?, ? FROM records this, records that"
            " WHERE this.key = ? AND that.key = ?",
            [(kind, reason, note.writer, note.at, *pair) for pair in pairs],
        )


def _placed(note: Note) -> tuple[Any, ...]:
    return (note.start, note.end, note.text, note.scope, note.writer, note.key, note.run, note.task, note.about)


def _as_note(row: Sequence[Any]) -> Note:
    _, key, text, source, start, end, scope, writer, run, task, about, at, version, *links, is_live = row
    supersedes, contradicts, superseded = links
    ended = Superseded(**json.loads(superseded)) if superseded else Superseded()
    return Note(
        key=key,
        text=text,
        source=source,
        start=start,
        end=end,
        scope=scope,
        writer=writer,
        run=run,
        task=task,
        about=about,
        at=at,
        version=version,
        supersedes=tuple(sorted(json.loads(supersedes))),
        contradicts=tuple(sorted(json.loads(contradicts))),
        superseded=None if is_live else ended,
    )
