"""Which passages hold which words, as arrays: made from the records once, and kept beside them for the next process.

The file is derived: one that is missing, damaged, or of other passages is made anew.
"""

import json
import logging
from collections.abc import Iterable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

from ..orchestrator.regular_files import open_regular, replacing
from .ranking import K1, B
from .records import Entry
from .words import words

_LOG = logging.getLogger("bullpen.memory")

#: What a file says of the rules by which it was made; another one is not read.
VERSION = "1"
#: From so many passages on the file is written: fewer are read from the records as quickly.
KEPT_FROM = 2_000


class Postings(NamedTuple):
    """The words of n passages, in the order of their places. All but the first two are numpy arrays.

    The passages that hold word w, and what BM25 gives each for it, are `passages` and `scores` from `starts[w]` to
    `starts[w + 1]`; the words of passage p, one after another, are `texts` from `ends[p - 1]` to `ends[p]`.
    """

    vocabulary: list[str]
    scopes: list[str]
    starts: Any
    passages: Any
    scores: Any
    texts: Any
    ends: Any
    #: n rows of source, start, end and record; and for each the number of its scope in `scopes`.
    places: Any
    scope_of: Any


def postings_of(entries: Iterable[Entry], earlier: Postings | None = None) -> Postings:
    """Of every passage, in the order of their places; those that `earlier` ones hold are not read again."""
    import numpy

    vocabulary = {word: code for code, word in enumerate(earlier.vocabulary)} if earlier else {}
    known = dict(_rows(earlier)) if earlier else {}
    codes: dict[str, int] = {}
    rows: list[Any] = []
    scope_of, places = [], []
    for entry in entries:
        row = known.get(entry.place.record)
        if row is None:
            read = [vocabulary.setdefault(word, len(vocabulary)) for word in words(entry.text)]
            row = numpy.array(read, dtype=numpy.int32)
        rows.append(row)
        scope_of.append(codes.setdefault(entry.scope, len(codes)))
        places.append(entry.place)
    nothing = {"indptr": [0] * (len(vocabulary) + 1), "indices": [], "data": []}
    held = _scored(rows, vocabulary) if any(map(len, rows)) else nothing
    return Postings(
        list(vocabulary),
        list(codes),
        numpy.asarray(held["indptr"], dtype=numpy.int64),
        numpy.asarray(held["indices"], dtype=numpy.int32),
        numpy.asarray(held["data"], dtype=numpy.float64),
        numpy.concatenate([numpy.empty(0, dtype=numpy.int32), *rows]),
        numpy.cumsum([len(row) for row in rows], dtype=numpy.int64),
        numpy.array(places, dtype=numpy.int64).reshape(-1, 4),
        numpy.array(scope_of, dtype=numpy.int32),
    )


def _rows(postings: Postings) -> Iterator[tuple[int, Any]]:
    """Each passage's record and its words."""
    starts = [0, *postings.ends.tolist()]
    for at, record in enumerate(postings.places[:, 3].tolist()):
        yield record, postings.texts[starts[at] : starts[at + 1]]


def half_made(path: Path) -> Path:
    """Where the file is while it is written."""
    return path.with_suffix(".new")


def save(postings: Postings, path: Path, state: str) -> None:
    """Keep them in a file, as those of this state of the records."""
    import numpy

    head = {"version": VERSION, "state": state, "vocabulary": postings.vocabulary, "scopes": postings.scopes}
    arrays = dict(zip(Postings._fields[2:], postings[2:], strict=True))
    with replacing(path, half_made(path)) as file:
        numpy.savez(file, head=numpy.frombuffer(json.dumps(head).encode(), dtype=numpy.uint8), **arrays)


def load(path: Path) -> tuple[str, Postings] | None:
    """Those that were kept, if they are whole, and of which state of the records they are."""
    import numpy

    try:
        with (
            FileIO(open_regular(path)) as opened,
            numpy.load(opened, allow_pickle=False) as file,
        ):  # a damaged member fails its checksum
            head = json.loads(file["head"].tobytes())
            if head["version"] != VERSION:
                return None
            arrays = (file[name] for name in Postings._fields[2:])
            return head["state"], Postings(head["vocabulary"], head["scopes"], *arrays)
    except FileNotFoundError:
        return None
    except Exception as error:  # a damaged archive makes its readers say all kinds of things
        _LOG.warning("the words index %s is made anew: %s", path, error)
        return None


def _scored(rows: list[Any], vocabulary: dict[str, int]) -> Any:
    import bm25s

    index = bm25s.BM25(k1=K1, b=B, method="lucene", dtype="float64")
    index.index((rows, vocabulary), create_empty_token=False, show_progress=False)
    return index.scores
