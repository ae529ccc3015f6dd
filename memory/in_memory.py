"""A memory without threads, files or indexes, under the same contract: for tests and for virtual time.

It ranks by the same words and the same formula as the one on disk, in plain Python, one text at a time.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ..orchestrator.evidence import Card, Document, File, Passage, Source
from ..orchestrator.ids import canonical, digest
from ..orchestrator.lookup import Select, Summary, Table
from ..orchestrator.metadata import Condition, Mentions
from ..orchestrator.ports import Note, Superseded
from ..orchestrator.rules import lookup
from ..orchestrator.settings import Settings
from ..orchestrator.text import clean
from .cards import HEAD, Head, cards_of, summary_of
from .catalogue import Catalogue, only
from .chunking import DEFAULT, Chunk, Chunking, chunk
from .embedding import HashedEmbedder, cosine
from .files import addresses, is_from
from .large import cut_large
from .ranking import (
    CANDIDATES,
    FEEDBACK_TEXTS,
    Place,
    Statistics,
    diversify,
    expand,
    holding,
    rarity,
    relevance,
    statistics_of,
    weighted,
    with_feedback,
)
from .records import fingerprint
from .rules import check_span, check_version, free_id, linked, not_live, said
from .words import words as stems


@asynccontextmanager
async def open_in_memory(
    folder: Path, settings: Settings | None = None, *, overlap: int = 0
) -> AsyncIterator["InMemory"]:
    """An empty memory that is gone on leaving; the folder is not touched, and no setting counts.

    See `open_memory` for `overlap`.
    """
    yield InMemory(Chunking(overlap=overlap))


class _Note(NamedTuple):
    """A note, the number it is kept under, and what has become of it; while it is None, it is found."""

    note: Note
    record: int
    superseded: Superseded | None = None
    #: The number of the note that stands in its place.
    successor: int = 0


#: A scope, the words compared with a query, where it stands, and what is found.
_Text = tuple[str, Counter[str], Place, Passage]


@dataclass
class _Stored:
    """A document, where it stands in the memory, and its passages."""

    number: int
    corpus: str
    document: Document
    source: Source
    text: str
    chunks: list[Chunk] = field(default_factory=list)


class InMemory:
    """See `ports.Memory` for what each method promises."""

    def __init__(self, chunking: Chunking = DEFAULT) -> None:
        self._chunking = chunking
        self._sources: dict[str, _Stored] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._notes: dict[str, _Note] = {}
        self._versions: Counter[tuple[str, str]] = Counter()
        self._files: dict[tuple[str, str], File] = {}
        self._number = 0

    async def ingest(self, corpus: str, documents: Iterable[Document], files: Sequence[File] = ()) -> int:
        changed = sum(self._put(clean(corpus), document) for document in documents)
        for file in files:
            self._files[clean(corpus), clean(file.uri)] = file.model_copy(update={"uri": clean(file.uri)})
        return changed

    async def files(self, corpus: str) -> Mapping[str, File]:
        uris = {key[1]: self._sources[name].source.uri for key, name in self._names.items() if key[0] == clean(corpus)}
        known = [file for key, file in self._files.items() if key[0] == clean(corpus)]
        return {file.uri: file for file in known if is_from(file, uris)}

    async def duplicates(self, corpus: str) -> Mapping[str, str]:
        first: dict[tuple[str, str], str] = {}
        inside = (stored.source for stored in self._sources.values() if stored.corpus == clean(corpus))
        same = {source.id: first.setdefault((source.title, source.text_hash), source.id) for source in inside}
        return {name: earlier for name, earlier in same.items() if name != earlier}

    async def retain(self, corpus: str, keep: Sequence[str]) -> int:
        kept = {clean(name) for name in keep}
        gone = [key for key in self._names if key[0] == clean(corpus) and key[1] not in kept]
        for key in gone:
            self._forget_notes(self._names[key])
            del self._sources[self._names.pop(key)]
        known = await self.files(corpus)
        self._files = {key: file for key, file in self._files.items() if key[0] != clean(corpus) or key[1] in known}
        return len(gone)

    async def search(
        self,
        query: str,
        *,
        corpora: Sequence[str],
        limit: int,
        sources: Sequence[str] = (),
        where: Sequence[Condition] = (),
        diversity: float = 0.0,
    ) -> tuple[Passage, ...]:
        scopes, allowed = {clean(corpus) for corpus in corpora}, self._allowed(corpora, sources, where)
        texts = list(self._passages())
        statistics = statistics_of([counts for _, counts, _, _ in texts])
        asked = weighted(stems(query))
        inside = [text for text in texts if text[0] in scopes]
        best = _ranked(asked, inside, statistics)[:FEEDBACK_TEXTS]
        fuller = expand(asked, [counts for _, counts, _, _ in best], statistics)
        inside += [note for note in self._notes_as_texts() if note[0] in scopes]
        inside = [t for t in inside if asked.keys() & t[1] and (allowed is None or t[3].source in allowed)]
        depth = max(limit, CANDIDATES)
        places = {text[2]: n for n, text in enumerate(inside)}
        rankings = [[places[t[2]] for t in _ranked(q, inside, statistics)[:depth]] for q in (asked, fuller)]
        ranking = with_feedback(*rankings)
        if diversity:
            ranking = _diversified(ranking, inside, diversity, limit)
        spans: dict[tuple[str, str, str, int, int], Passage] = {}
        for found in (inside[n][3] for n in ranking):
            stored = self._sources[found.source]
            same = stored.corpus, found.title, stored.source.text_hash, found.start, found.end
            spans.setdefault(same, found)
        return tuple(spans.values())[: max(0, limit)]

    async def rarity(self, words: Sequence[str]) -> Mapping[str, float]:
        statistics = self._statistics()
        return {word: rarity(stems(word), statistics) for word in words}

    async def closeness(self, question: str, texts: Sequence[str]) -> tuple[float, ...] | None:
        return None  # words alone rank here

    async def mentions(self, question: str, *, corpora: Sequence[str]) -> Mentions:
        statistics = self._statistics()
        return self._catalogue(corpora).mentions(question, lambda word: holding(stems(word), statistics))

    async def select(
        self, where: Sequence[Condition], *, corpora: Sequence[str], fields: Sequence[str] = ()
    ) -> tuple[Source, ...]:
        return tuple(only(source, fields) for source in self._catalogue(corpora).select(where))

    async def cards(self, *, corpora: Sequence[str], sources: Sequence[str] = ()) -> tuple[Card, ...]:
        catalogue, wanted = self._catalogue(corpora), set(map(clean, sources))
        found = [source for source in catalogue.select(()) if not sources or source.id in wanted]
        texts = {source.id: self._sources[source.id].text for source in found}
        return cards_of(catalogue, found, {name: Head(text[:HEAD], len(text)) for name, text in texts.items()})

    async def fields(self, *, corpora: Sequence[str]) -> Summary:
        return summary_of(self._catalogue(corpora))

    async def look_up(self, select: Select, *, corpora: Sequence[str]) -> Table:
        return lookup.run(select, self._catalogue(corpora).by_field, lambda name: self._sources[name].text)

    async def source(self, source: str) -> Source | None:
        stored = self._sources.get(clean(source))
        return stored.source if stored else None

    async def read(self, source: str, start: int, end: int) -> str:
        stored = self._sources.get(clean(source))
        return stored.text[max(0, start) : max(0, end)] if stored else ""

    async def neighbours(
        self, source: str, start: int, end: int, *, before: int = 1, after: int = 1
    ) -> tuple[Passage, ...]:
        name = clean(source)
        pieces = self._sources[name].chunks if name in self._sources else []
        ahead, behind = [p for p in pieces if p.end <= start], [p for p in pieces if p.start >= end]
        near = ahead[max(0, len(ahead) - max(0, before)) :] + behind[: max(0, after)]
        return tuple(self._span(name, *piece) for piece in near)

    async def add(self, note: Note, *, expects: int | None = None) -> Note:
        note = note.model_copy(update={name: clean(value) for name, value in note if isinstance(value, str)})
        stored = self._sources.get(note.source)
        check_span(note.key, note.source, note.start, note.end, length=len(stored.text) if stored else None)
        kept = self._notes.get(note.key)
        if kept is not None and said(kept.note) == said(note):
            return self._linked(kept)
        live = [known.note for known in self._live(note.about, note.scope)]
        check_version(note.about, expects, self._versions[note.scope, note.about])
        replaced = linked(note, live, supersedes=expects is not None).supersedes
        self._notes.pop(note.key, None)
        new = _Note(note.model_copy(update={"version": self._change(note)}), self._next())
        self._notes[note.key] = new
        self._supersede(replaced, new, Superseded(by=note.key, writer=note.writer, at=note.at))
        return self._linked(new)

    async def recall(
        self, about: str, *, scopes: Sequence[str] | None = None, history: bool = False
    ) -> tuple[Note, ...]:
        wanted = None if scopes is None else {clean(scope) for scope in scopes}
        kept = [kept for kept in self._notes.values() if about and kept.note.about == clean(about)]
        kept = [k for k in kept if (history or k.superseded is None) and (wanted is None or k.note.scope in wanted)]
        return tuple(map(self._linked, kept))

    async def resolve(self, key: str, *, reason: str, writer: str, expects: int | None = None) -> Note:
        kept = self._notes.get(clean(key))
        live = self._live(kept.note.about, kept.note.scope) if kept else []
        if kept is None or kept not in live:
            raise not_live(key)
        others = [other.note.key for other in live if other is not kept]
        if others:
            check_version(kept.note.about, expects, self._versions[kept.note.scope, kept.note.about])
            kept = kept._replace(note=kept.note.model_copy(update={"version": self._change(kept.note)}))
            self._notes[kept.note.key] = kept
            self._supersede(others, kept, Superseded(by=kept.note.key, writer=clean(writer), reason=clean(reason)))
        return self._linked(kept)

    async def forget(self, key: str) -> bool:
        gone = self._notes.pop(clean(key), None)
        if gone is not None:
            self._change(gone.note)
        return gone is not None

    def _live(self, about: str, scope: str) -> list[_Note]:
        """The live notes about a subject, the oldest first."""
        kept = self._notes.values() if about else ()
        return [k for k in kept if k.superseded is None and (k.note.about, k.note.scope) == (about, scope)]

    def _change(self, note: Note) -> int:
        """The version that a change to the note's subject makes."""
        self._versions[note.scope, note.about] += bool(note.about)
        return self._versions[note.scope, note.about]

    def _supersede(self, others: Sequence[str], by: _Note, how: Superseded) -> None:
        for other in others:
            self._notes[other] = self._notes[other]._replace(superseded=how, successor=by.record)

    def _linked(self, kept: _Note) -> Note:
        """The note with the links that still hold."""
        note, there = kept.note, self._notes.values()
        supersedes = sorted(other.note.key for other in there if other.successor == kept.record)
        if kept.superseded is not None:
            superseded = kept.superseded if any(k.record == kept.successor for k in there) else Superseded()
            return note.model_copy(update={"supersedes": tuple(supersedes), "superseded": superseded})
        live = [known.note for known in self._live(note.about, note.scope)]
        contradicts = linked(note, live, supersedes=False).contradicts
        return note.model_copy(update={"supersedes": tuple(supersedes), "contradicts": contradicts})

    def _allowed(self, corpora: Sequence[str], sources: Sequence[str], where: Sequence[Condition]) -> set[str] | None:
        """The sources (ids) that are searched; None where they all are."""
        named = {clean(source) for source in sources} if sources else None
        if not where:
            return named
        met = {source.id for source in self._catalogue(corpora).select(where)}
        return met if named is None else met & named

    def _statistics(self) -> Statistics:
        return statistics_of([counts for _, counts, _, _ in self._passages()])

    def _catalogue(self, corpora: Sequence[str]) -> Catalogue:
        wanted = {clean(corpus) for corpus in corpora}
        inside = [stored for stored in self._sources.values() if stored.corpus in wanted]
        return Catalogue(stored.source for stored in sorted(inside, key=lambda s: (s.corpus, s.number)))

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _put(self, corpus: str, document: Document) -> bool:
        for uri in addresses(document):
            self._files.pop((corpus, uri), None)
        key = corpus, clean(document.id)
        name = self._names.get(key) or free_id(key[1], self._sources.__contains__)
        before = self._sources.get(name)
        new = _stored(name, corpus, document, before.number if before else self._next(), self._chunking)
        is_new = before is None or fingerprint(before.document) != fingerprint(document)
        if before and before.text != new.text:
            self._forget_notes(name)
        self._names[key], self._sources[name] = name, new
        return is_new

    def _forget_notes(self, source: str) -> None:
        self._notes = {key: kept for key, kept in self._notes.items() if kept.note.source != source}

    def _passages(self) -> Iterator[_Text]:
        for name, stored in self._sources.items():
            for piece in stored.chunks:
                counts = Counter(stems(f"{stored.source.title}\n{piece.heading}\n{piece.text}"))
                yield stored.corpus, counts, Place(stored.number, piece.start, piece.end, 0), self._span(name, *piece)

    def _notes_as_texts(self) -> Iterator[_Text]:
        for note, record, superseded, _ in self._notes.values():
            if superseded is None:
                stored = self._sources[note.source]
                found = self._span(note.source, note.start, note.end, stored.text[note.start : note.end], "")
                place = Place(stored.number, note.start, note.end, record)
                yield note.scope, Counter(stems(note.text)), place, found

    def _span(self, name: str, start: int, end: int, text: str, heading: str) -> Passage:
        title = self._sources[name].source.title
        return Passage(source=name, title=title, start=start, end=end, text=text, heading=heading)


def _ranked(query: Mapping[str, float], texts: Sequence[_Text], statistics: Statistics) -> list[_Text]:
    """The texts that share a word with the query, best first."""
    scored = [(relevance(query, text[1], statistics), text) for text in texts]
    return [text for _, text in sorted(((-s, t) for s, t in scored if s), key=lambda hit: (hit[0], hit[1][2]))]


def _diversified(ranking: Sequence[int], texts: Sequence[_Text], diversity: float, keep: int) -> list[int]:
    vectors = HashedEmbedder().embed([" ".join(texts[n][1].elements()) for n in ranking])
    by_number = dict(zip(ranking, vectors, strict=True))
    return diversify(ranking, lambda one, other: cosine(by_number[one], by_number[other]), diversity, keep)


def _stored(name: str, corpus: str, document: Document, number: int, chunking: Chunking) -> _Stored:
    text, title = clean(document.text), clean(document.title)
    metadata = json.loads(clean(canonical(document.metadata)))
    source = Source(id=name, title=title, uri=clean(document.uri), text_hash=digest(text), metadata=metadata)
    chunks = cut_large(text, partial(chunk, chunking=chunking))
    return _Stored(number, corpus, document, source, text, chunks)
