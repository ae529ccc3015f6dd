"""What there is to beat: plain BM25 over passages, and a report that is the beginning of ten documents."""

from collections.abc import Sequence
from typing import Any

import bm25s
import Stemmer

from bullpen import Document
from bullpen.memory.chunking import chunk

from .scoring import normal


class Bm25:
    """bm25s as its manual has it: English stop words, Porter stems, Lucene's formula; passages of title and text."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._stemmer = Stemmer.Stemmer("english")
        self._texts = {document.id: document.text for document in documents}
        pieces = [(d.id, f"{d.title}\n{piece.text}") for d in documents for piece in chunk(d.text)]
        self._owners = [owner for owner, _ in pieces]
        self._index = bm25s.BM25()
        self._index.index(self._words([text for _, text in pieces]), show_progress=False)

    def _words(self, texts: Sequence[str]) -> Any:
        return bm25s.tokenize(list(texts), stopwords="en", stemmer=self._stemmer, show_progress=False)

    def best(self, question: str, most: int) -> list[str]:
        """The ids of the `most` best documents."""
        found, _ = self._index.retrieve(self._words([question]), k=min(200, len(self._owners)), show_progress=False)
        return list(dict.fromkeys(self._owners[int(n)] for n in found[0]))[:most]

    def null_report(self, question: str) -> str:
        """The first 1,500 characters of the ten best documents."""
        return "\n\n".join(self._texts[name][:1500] for name in self.best(question, 10))


def holds_answer(report: str, gold: str | Sequence[str]) -> bool:
    """Whether every name in the answer stands somewhere in a report: generous, since nothing there is marked."""
    names = [part for item in ([gold] if isinstance(gold, str) else gold) for part in item.replace("(", ";").split(";")]
    return all(normal(name.strip(" )")) in normal(report) for name in names)
