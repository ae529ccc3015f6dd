"""What a project knows of documents: the truth from which every index is derived. SQLite; blocks, one thread at a time.

A source's id is its document's id. Where another corpus holds that id already, the later one is stored as `id~2`
(`~3`, …) and keeps that name, so that an id means one source in the whole project. `pending` lists, in the transaction
that changed them, the passages that Chroma has not seen; triggers keep it.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..orchestrator.evidence import Document, Passage, Source
from ..orchestrator.ids import canonical, digest
from ..orchestrator.text import clean
from .cards import Head
from .chunking import DEFAULT, Chunk, Chunking
from .database import Database
from .ranking import Place
from .rules import check_scope, free_id

#: What is compared with a query: a passage as if its title and heading stood in it, a note by its own words.
WORDED = (
    "CASE kind WHEN 'note' THEN records.text"
    " ELSE sources.title || char(10) || records.heading || char(10) || records.text END"
)
_SOURCES = "SELECT id, title, uri, text_hash, metadata FROM sources"
_JOINED = "FROM records JOIN sources ON sources.number = records.source"


class Entry(NamedTuple):
    """A record as the lexical index sees it."""

    place: Place
    scope: str
    text: str


class Counts(NamedTuple):
    """How much there is."""

    sources: int
    passages: int
    notes: int


class Change(NamedTuple):
    """A passage that Chroma has not seen, as the bytes of its vector; without one, it is gone."""

    record: int
    scope: str
    vector: bytes | None


def _as_source(row: Sequence[str]) -> Source:
    name, title, uri, text_hash, metadata = row
    return Source(id=name, title=title, uri=uri, text_hash=text_hash, metadata=json.loads(metadata))


def fingerprint(document: Document, chunking: Chunking = DEFAULT) -> str:
    """Equal for documents of equal text, title and metadata that are cut alike."""
    return digest(clean(canonical([document.title, digest(clean(document.text)), document.metadata, chunking.id])))


class Records:
    """The documents of one open file; each method that writes is called within a transaction."""

    def __init__(self, database: Database, chunking: Chunking = DEFAULT) -> None:
        self._database, self._chunking = database, chunking

    # Sources and their passages

    def is_current(self, corpus: str, document: Document) -> bool:
        """Whether the document is stored and cut as it would be now; where only its address changed, that follows."""
        row = self._database.execute(
            "SELECT number, fingerprint, uri FROM sources WHERE corpus = ? AND document = ?",
            (corpus, clean(document.id)),
        ).fetchone()
        if row is None or row[1] != fingerprint(document, self._chunking):
            return False
        if row[2] != clean(document.uri):
            self._database.execute("UPDATE sources SET uri = ? WHERE number = ?", (clean(document.uri), row[0]))
        return True

    def put(self, corpus: str, document: Document, chunks: Sequence[Chunk], at: int) -> None:
        """Store or replace a document and its passages. Notes on a text that is no longer there are forgotten."""
        number = self._put_source(corpus, document, at)
        self._database.execute("DELETE FROM records WHERE source = ? AND kind = 'passage'", (number,))
        self._database.executemany(
            "INSERT INTO records (kind, source, start, end, text, heading, scope, writer, at)"
            " VALUES ('passage', ?, ?, ?, ?, ?, ?, 'ingest', ?)",
            [(number, chunk.start, chunk.end, chunk.text, chunk.heading, corpus, at) for chunk in chunks],
        )

    def _put_source(self, corpus: str, document: Document, at: int) -> int:
        name, text = clean(document.id), clean(document.text)
        values = (clean(document.title), clean(document.uri), text, digest(text))
        more = (clean(canonical(document.metadata)), fingerprint(document, self._chunking), at)
        row = self._database.execute(
            "SELECT number, text_hash FROM sources WHERE corpus = ? AND document = ?", (corpus, name)
        ).fetchone()
        if row is None:
            cursor = self._database.execute(
                "INSERT INTO sources (title, uri, text, text_hash, metadata, fingerprint, retrieved_at, id, corpus,"
                " document) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, *more, self._free_id(name), corpus, name),
            )
            return int(cursor.lastrowid or 0)
        number, text_hash = row
        if text_hash not in ("", digest(text)):  # empty where the text was damaged: notes on it are kept
            self._database.execute("DELETE FROM records WHERE source = ? AND kind = 'note'", (number,))
        self._database.execute(
            "UPDATE sources SET title = ?, uri = ?, text = ?, text_hash = ?, metadata = ?, fingerprint = ?,"
            " retrieved_at = ? WHERE number = ?",
            (*values, *more, number),
        )
        return int(number)

    def _free_id(self, name: str) -> str:
        return free_id(name, lambda name: self._number(name) is not None)

    def _number(self, source: str) -> int | None:
        row = self._database.execute("SELECT number FROM sources WHERE id = ?", (source,)).fetchone()
        return None if row is None else int(row[0])

    def retain(self, corpus: str, keep: Sequence[str]) -> int:
        """Forget the corpus's documents that are not kept, with what rests on them; how many went."""
        stored = self._database.execute("SELECT document, number FROM sources WHERE corpus = ?", (corpus,)).fetchall()
        kept = {clean(name) for name in keep}
        gone = [(number,) for document, number in stored if document not in kept]
        self._database.executemany("DELETE FROM sources WHERE number = ?", gone)
        return len(gone)

    def forget(self, source: str) -> bool:
        """Forget a source with what rests on it; whether it was there."""
        return self._database.execute("DELETE FROM sources WHERE id = ?", (clean(source),)).rowcount > 0

    def corpora(self) -> dict[str, int]:
        """How many documents each corpus holds."""
        return dict(self._database.execute("SELECT corpus, count(*) FROM sources GROUP BY corpus ORDER BY corpus"))

    def source(self, source: str) -> Source | None:
        row = self._database.execute(_SOURCES + " WHERE id = ?", (clean(source),)).fetchone()
        return None if row is None else _as_source(row)

    def sources(self, corpora: Sequence[str]) -> list[Source]:
        """Every source of these corpora."""
        asked = _SOURCES + " WHERE corpus = ? ORDER BY number"
        return [_as_source(row) for corpus in corpora for row in self._database.execute(asked, (corpus,))]

    def duplicates(self, corpus: str) -> dict[str, str]:
        """By id, the sources of a corpus whose title and text another one had before, and the id of that one."""
        rows = self._database.execute(
            "SELECT id, first_value(id) OVER (PARTITION BY title, text_hash ORDER BY number) FROM sources"
            " WHERE corpus = ?",
            (corpus,),
        )
        return {name: first for name, first in rows if name != first}

    def numbers(self, sources: Sequence[str]) -> set[int]:
        """The numbers under which these sources (ids) are kept."""
        return {number for source in sources if (number := self._number(clean(source))) is not None}

    def read(self, source: str, start: int, end: int) -> str:
        """The text between two code points, both cut to the source's ends; empty for an unknown source."""
        start = max(0, start)
        row = self._database.execute(
            "SELECT substr(text, ?, ?) FROM sources WHERE id = ?", (start + 1, max(0, end - start), clean(source))
        ).fetchone()
        return "" if row is None else str(row[0])

    def text(self, source: str) -> str:
        """All of a source's text; empty for an unknown one."""
        row = self._database.execute("SELECT text FROM sources WHERE id = ?", (clean(source),)).fetchone()
        return "" if row is None else str(row[0])

    def heads(self, sources: Sequence[str], length: int) -> dict[str, Head]:
        """By id, how these sources begin, in so many code points."""
        asked = "SELECT substr(text, 1, ?), length(text) FROM sources WHERE id = ?"
        return {source: Head(*self._database.execute(asked, (length, source)).fetchone()) for source in sources}

    def exported(self, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """Some sources with their text, in the order of their numbers, each with its number."""
        names = ("id", "corpus", "document", "title", "uri", "retrieved_at", "text_hash", "metadata", "text")
        rows = self._database.execute(
            "SELECT number, id, corpus, document, title, uri, retrieved_at, text_hash, metadata, text FROM sources"
            " WHERE number > ? ORDER BY number LIMIT ?",
            (after, limit),
        )
        return [
            (number, {"kind": "source", **dict(zip(names, row, strict=True)), "metadata": json.loads(row[-2])})
            for number, *row in rows
        ]

    # What indexes are made of

    def counts(self) -> Counts:
        """How much there is of everything."""
        rows = "SELECT count(*) FROM sources UNION ALL SELECT count(*) FROM records WHERE kind = "
        rows += "'passage' UNION ALL SELECT count(*) FROM records WHERE kind = 'note'"
        return Counts(*(count for (count,) in self._database.execute(rows)))

    def has_more_passages_than(self, count: int) -> bool:
        asked = "SELECT 1 FROM records WHERE kind = 'passage' LIMIT 1 OFFSET ?"
        return self._database.execute(asked, (count,)).fetchone() is not None

    def count(self, scopes: Sequence[str]) -> int:
        """How many records there are in these scopes."""
        asked = "SELECT count(*) FROM records WHERE scope = ?"
        return sum(self._database.execute(asked, (scope,)).fetchone()[0] for scope in set(scopes))

    def state(self) -> str:
        """Another one whenever passages have come or gone: a number is never given twice."""
        count, last = self._database.execute(
            "SELECT count(*), ifnull(max(number), 0) FROM records WHERE kind = 'passage'"
        ).fetchone()
        return f"{count} {last}"

    def passages(self) -> Iterator[Entry]:
        """Every passage, in the order of places."""
        rows = self._database.execute(
            f"SELECT source, start, end, records.number, scope, {WORDED} {_JOINED} WHERE kind = 'passage'"
            " ORDER BY source, start, end, records.number"
        )
        return (Entry(Place(*row[:4]), row[4], row[5]) for row in rows)

    def worded(self, numbers: Sequence[int]) -> list[str]:
        """What is compared with a query, for each of these records."""
        asked = f"SELECT {WORDED} {_JOINED} WHERE records.number = ?"
        return [str(self._database.execute(asked, (number,)).fetchone()[0]) for number in numbers]

    def spans(self, numbers: Sequence[int], limit: int, scopes: Sequence[str]) -> tuple[Passage, ...]:
        """The first `limit` different spans these records stand for, in this order; of duplicates, the first alone.

        Raises: Unavailable for a record outside these scopes, which an index should never have named.
        """
        found: dict[tuple[str, str, str, int, int], Passage] = {}
        for number in numbers:
            if len(found) == limit:
                break
            row = self._database.execute(
                "SELECT records.scope, corpus, text_hash, sources.id, title, start, end,"
                f" substr(sources.text, start + 1, end - start), heading {_JOINED} WHERE records.number = ?",
                (number,),
            ).fetchone()
            check_scope(number, None if row is None else row[0], scopes)
            _, corpus, text_hash, source, title, start, end, text, heading = row
            passage = Passage(source=source, title=title, start=start, end=end, text=text, heading=heading)
            found.setdefault((corpus, title, text_hash, start, end), passage)
        return tuple(found.values())

    def neighbours(self, source: str, start: int, end: int, *, before: int, after: int) -> tuple[Passage, ...]:
        """The passages of a source that end at or before `start`, and those that begin at or after `end`."""
        number = self._number(clean(source))
        ahead = "kind = 'passage' AND source = ? AND \"end\" <= ? ORDER BY start DESC LIMIT ?"
        behind = "kind = 'passage' AND source = ? AND start >= ? ORDER BY start LIMIT ?"
        asked = "SELECT number, scope FROM records"
        found = [
            self._database.execute(f"{asked} WHERE {where}", (number, at, max(0, limit)))
            for where, at, limit in ((ahead, start, before), (behind, end, after))
        ]
        rows = [*reversed(found[0].fetchall()), *found[1]]
        return self.spans([row[0] for row in rows], len(rows), [row[1] for row in rows])

    def pending_count(self) -> int:
        [count] = self._database.execute("SELECT count(*) FROM pending").fetchone()
        return int(count)

    def gone(self, scopes: Sequence[str]) -> set[int]:
        """The passages of these scopes that have gone since Chroma has seen them."""
        asked = "SELECT record FROM pending WHERE scope = ? AND record NOT IN (SELECT number FROM records)"
        return {record for scope in set(scopes) for (record,) in self._database.execute(asked, (scope,))}

    def pending(self, limit: int) -> list[Change]:
        """The oldest passages that Chroma has not seen, of those that have a vector or are gone."""
        rows = self._database.execute(
            "SELECT pending.record, pending.scope, vector FROM pending LEFT JOIN vectors USING (record)"
            " LEFT JOIN records ON number = pending.record WHERE number IS NULL OR vector IS NOT NULL"
            " ORDER BY pending.record LIMIT ?",
            (limit,),
        )
        return [Change(*row) for row in rows]

    def settle(self, changes: Sequence[Change]) -> None:
        """Chroma has seen these."""
        with self._database.transaction():
            seen = [(change.record,) for change in changes]
            self._database.executemany("DELETE FROM pending WHERE record = ?", seen)

    def unsettle(self) -> None:
        """Chroma has seen nothing: every passage is pending, and none that is gone."""
        with self._database.transaction():
            self._database.execute("DELETE FROM pending")
            self._database.execute(
                "INSERT INTO pending (record, scope) SELECT number, scope FROM records WHERE kind = 'passage'"
            )
