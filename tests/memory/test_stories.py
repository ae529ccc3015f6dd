"""The memory on disk against a plain dictionary, through stories that hypothesis invents."""

import asyncio
import shutil
import tempfile
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bullpen.memory import HashedEmbedder, ProjectMemory, open_memory
from bullpen.orchestrator.evidence import Document, Passage
from bullpen.orchestrator.ports import Note

CORPORA = st.sampled_from(["sea", "land"])
IDS = st.sampled_from(["a", "b", "c"])
WORDS = ["whale", "ship", "harpoon"]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)


BY: dict[str, Any] = {"writer": "w", "scope": "job"}


class Stories(RuleBasedStateMachine):
    """Whatever happens, a search finds exactly the documents and notes that hold the word."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.loop = asyncio.Runner()
        self.documents: dict[tuple[str, str], str] = {}
        self.notes: dict[str, tuple[tuple[str, str], str]] = {}
        self.open()

    def open(self) -> None:
        self.context: AbstractAsyncContextManager[ProjectMemory] = open_memory(self.folder, embedder=HashedEmbedder())
        self.memory = self.loop.run(self.context.__aenter__())

    @rule()
    def reopen(self) -> None:
        self.loop.run(self.context.__aexit__(None, None, None))
        self.open()

    @rule(corpus=CORPORA, id=IDS, text=TEXTS)
    def ingest(self, corpus: str, id: str, text: str) -> None:
        document = Document(id=id, title=id, uri=f"{corpus}/{id}", text=text)
        changed = self.loop.run(self.memory.ingest(corpus, [document]))

        assert changed == (self.documents.get((corpus, id)) != text)
        if changed:
            self.documents[corpus, id] = text
            self.forget_notes()

    @rule(corpus=CORPORA, keep=st.lists(IDS, max_size=2))
    def retain(self, corpus: str, keep: list[str]) -> None:
        gone = [key for key in self.documents if key[0] == corpus and key[1] not in keep]

        assert self.loop.run(self.memory.retain(corpus, keep)) == len(gone)
        for key in gone:
            del self.documents[key]
        self.forget_notes()

    def forget_notes(self) -> None:
        self.notes = {key: note for key, note in self.notes.items() if self.documents.get(note[0]) == note[1]}

    @precondition(lambda self: self.documents)
    @rule(data=st.data(), word=st.sampled_from(WORDS))
    def add(self, data: st.DataObject, word: str) -> None:
        about = data.draw(st.sampled_from(sorted(self.documents)))
        text = self.documents[about]
        [found] = [p for p in self.find(text.split()[0], about[0]) if self.uri_of(p.source) == "/".join(about)]
        note = Note(key=f"about {word}", text=word * 2, source=found.source, start=0, end=len(text), **BY)
        self.loop.run(self.memory.add(note))
        self.notes[word] = about, text

    @invariant()
    def the_same_things_are_found(self) -> None:
        if not hasattr(self, "documents"):
            return
        for word in WORDS:
            for corpus in ("sea", "land"):
                expected = {(f"{c}/{i}", t) for (c, i), t in self.documents.items() if c == corpus and word in t}
                assert {(self.uri_of(p.source), p.text) for p in self.find(word, corpus)} == expected
            noted = {("/".join(note[0]), note[1]) for key, note in self.notes.items() if key == word}
            assert {(self.uri_of(p.source), p.text) for p in self.find(word * 2, "job")} == noted

    def find(self, word: str, corpus: str) -> tuple[Passage, ...]:
        return self.loop.run(self.memory.search(word, corpora=[corpus], limit=99))

    def uri_of(self, source: str) -> str:
        stored = self.loop.run(self.memory.source(source))
        assert stored is not None
        return stored.uri

    def teardown(self) -> None:
        if hasattr(self, "memory"):
            self.loop.run(self.context.__aexit__(None, None, None))
            self.loop.close()
            shutil.rmtree(self.folder)


TestStories = Stories.TestCase
TestStories.settings = settings(max_examples=12, stateful_step_count=12, deadline=None)
