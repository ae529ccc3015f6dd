"""The vectors of records, kept beside them: an index of them can be lost without a text being embedded again. Blocks.

Vectors are of one embedder. They are searched exactly where the index does not hold them: notes, which are few, and
passages that the index has not seen yet.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple

from ..orchestrator.errors import BadInput
from .database import Database
from .embedding import Embedder, Vector
from .records import WORDED

#: Cosines are rounded to so many decimals, which float32 can tell apart: what differs by less is a tie.
DIGITS = 6
_EMBEDDER, _RANKS = "embedder", "embedder ranks"
_LACKING = (
    "FROM records JOIN sources ON sources.number = source"
    " WHERE live AND NOT EXISTS (SELECT 1 FROM vectors WHERE record = records.number)"
)
_VECTORS = "SELECT record, vector FROM records JOIN vectors ON record = number WHERE live AND scope IN"
_PASSAGES = "SELECT number, scope FROM records WHERE kind = 'passage'"


class Near(NamedTuple):
    """A record and the cosine between it and what was asked."""

    cosine: float
    record: int


class Vectors:
    """The vectors of one open file."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._embedder, self._dimensions = "", 0

    @property
    def is_ready(self) -> bool:
        """Whether it is known whose they are: until then none may be compared or added."""
        return bool(self._embedder)

    def adopt(self, embedder: Embedder, folder: object, *, fresh: bool = False) -> bool:
        """Whether the vectors kept are, from now on, this embedder's; those that do not rank give way to it.

        An embedder that does not rank itself leaves those of one that does alone, unless asked for `fresh` ones.
        Raises: BadInput when both do and are not the same: their vectors cannot be compared.
        """
        kept, is_semantic = self._database.fact(_EMBEDDER), self._database.fact(_RANKS) == "yes"
        if kept != embedder.id and kept and is_semantic and embedder.is_semantic and not fresh:
            raise BadInput(
                f"memory {str(folder)!r} holds vectors of {kept!r}, not of {embedder.id!r}; open it with that embedder,"
                " or make them anew: bullpen memory rebuild"
            )
        self._embedder, self._dimensions = embedder.id, embedder.dimensions
        if kept == embedder.id:
            return True
        if kept and is_semantic and not fresh:
            return False
        self.clear(embedder)
        return True

    def clear(self, embedder: Embedder) -> None:
        """No record has a vector; those that come will be this embedder's."""
        with self._database.transaction():
            self._database.execute("DELETE FROM vectors")
            self._database.execute("INSERT OR REPLACE INTO pending (record, scope) " + _PASSAGES)
            self._database.keep_fact(_EMBEDDER, embedder.id)
            self._database.keep_fact(_RANKS, "yes" if embedder.is_semantic else "no")

    def count(self) -> int:
        [count] = self._database.execute("SELECT count(*) FROM vectors").fetchone()
        return int(count)

    def lacking(self, limit: int, scopes: Sequence[str] | None = None) -> list[tuple[int, str]]:
        """Records without a vector, the oldest first, each with the text that is to be embedded."""
        within, values = _within(scopes)
        rows = self._database.execute(
            f"SELECT records.number, {WORDED} {_LACKING}{within} ORDER BY records.number LIMIT ?",
            (*values, limit),
        )
        return [(int(number), str(text)) for number, text in rows]

    def lacking_count(self, scopes: Sequence[str] | None = None) -> int:
        within, values = _within(scopes)
        [count] = self._database.execute(f"SELECT count(*) {_LACKING}{within}", values).fetchone()
        return int(count)

    def keep(self, records: Sequence[int], vectors: Sequence[Vector]) -> None:
        """Keep these, within a transaction; a record that has gone meanwhile is passed over.

        Raises: what `checked` raises.
        """
        arrays = self.checked(vectors, len(records))
        rows = [(record, array.tobytes(), record) for record, array in zip(records, arrays, strict=True)]
        self._database.executemany(
            "INSERT OR REPLACE INTO vectors (record, vector)"
            " SELECT ?, ? WHERE EXISTS (SELECT 1 FROM records WHERE number = ?)",
            rows,
        )

    def checked(self, vectors: Sequence[Vector], count: int) -> list[Any]:
        """What the embedder gave for so many texts, as arrays.

        Raises: BadInput for another number of vectors, or one that is not of so many finite numbers as it says.
        """
        import numpy

        arrays = [numpy.asarray(vector, dtype=numpy.float32) for vector in vectors]
        gave = f"embedder {self._embedder!r} gave"
        if len(arrays) != count:
            raise BadInput(f"{gave} {len(arrays)} vectors for {count} texts; look at what it returns")
        for array in arrays:
            if array.shape != (self._dimensions,):
                raise BadInput(f"{gave} a vector of the shape {array.shape}, not ({self._dimensions},); look at it")
            if not numpy.isfinite(array).all():
                raise BadInput(f"{gave} a vector that holds NaN or an infinite number; look at what it returns")
        return arrays

    def of(self, records: Sequence[int]) -> dict[int, Any]:
        """The vectors of these records, as far as they are there."""
        asked = "SELECT record, vector FROM vectors WHERE record IN "
        rows = self._database.execute(asked + _marks(records), records)
        return {record: _vector(data) for record, data in rows}

    def nearest(
        self, vector: Vector, scopes: Sequence[str], limit: int, *, sources: Collection[int] | None = None
    ) -> list[Near]:
        """The nearest of all records in these scopes; with `sources` (numbers), of theirs alone."""
        asked = f"{_VECTORS} {_marks(scopes)}"
        if sources is not None:
            rows = self._database.execute(f"{asked} AND source IN {_marks(sources)}", (*scopes, *sources))
        else:
            rows = self._database.execute(asked, scopes)
        return _nearest(vector, rows, limit)

    def nearest_pending(self, vector: Vector, scopes: Sequence[str], limit: int) -> list[Near]:
        """The nearest of what no index holds: notes, and the passages that are pending."""
        pending = "SELECT record, vector FROM pending JOIN vectors USING (record) WHERE scope IN "
        notes = self._database.execute(f"{_VECTORS} {_marks(scopes)} AND kind = 'note'", scopes)
        rows = self._database.execute(pending + _marks(scopes), scopes)
        return _nearest(vector, chain(notes, rows), limit)


def best(found: Iterable[Near], limit: int) -> list[Near]:
    """The nearest first; a tie goes to the record that is older, and what is at a right angle or beyond is not near."""
    return sorted((near for near in found if near.cosine > 0), key=lambda near: (-near.cosine, near.record))[:limit]


def _nearest(vector: Vector, rows: Iterable[tuple[int, bytes]], limit: int) -> list[Near]:
    import numpy

    found = list(rows)
    if not found:
        return []
    matrix = numpy.frombuffer(b"".join(data for _, data in found), dtype=numpy.float32).reshape(len(found), -1)
    cosines = (matrix @ numpy.asarray(vector, dtype=numpy.float32)).astype(numpy.float64).round(DIGITS)
    pairs = zip(cosines.tolist(), found, strict=True)
    return best((Near(cosine, record) for cosine, (record, _) in pairs), limit)


def _within(scopes: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    return ("", ()) if scopes is None else (f" AND records.scope IN {_marks(scopes)}", tuple(scopes))


def _marks(values: Collection[object]) -> str:
    return f"({', '.join('?' * len(values))})"


def _vector(data: bytes) -> Any:
    import numpy

    return numpy.frombuffer(data, dtype=numpy.float32)
