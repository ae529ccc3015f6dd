"""The notes of two projects against plain values, through stories that hypothesis invents.

`BULLPEN_STEPS=10000 pytest tests/memory/test_notes_machine.py -s` takes so many steps and says what was compared.
"""

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bullpen.memory import HashedEmbedder, open_in_memory, open_memory
from bullpen.orchestrator.errors import BadInput, Conflict
from bullpen.orchestrator.evidence import Document, Passage
from bullpen.orchestrator.ports import Memory, Note

#: Steps taken, by default few; and steps in one story.
STEPS, IN_A_STORY = int(os.environ.get("BULLPEN_STEPS", "100")), 25

NAMES = ("town", "harbour")
PROJECTS = st.sampled_from(NAMES)
SOURCES, SCOPES, SUBJECTS = ("minutes", "letter"), ("one", "two"), ("", "cost", "length")
KEYS, WORDS = "abcde", ("much", "little", "nothing", "Much")
#: What a writer believes a subject's version to be: it has not looked, has looked, or has looked too early.
EXPECTED = st.sampled_from([None, 0, -1])

#: What was done and compared, over all stories.
COUNTED: Counter[str] = Counter()


@dataclass(frozen=True)
class Told:
    """A note as the model has it; `by` is the number of the one in its place, 0 while it is live."""

    number: int
    key: str
    word: str
    source: str
    scope: str
    about: str
    version: int
    by: int = 0


@dataclass
class Model:
    """What a project should remember."""

    texts: dict[str, int] = field(default_factory=dict)
    notes: list[Told] = field(default_factory=list)
    versions: Counter[tuple[str, str]] = field(default_factory=Counter)
    numbers: int = 0

    def of(self, key: str) -> Told | None:
        return next((told for told in self.notes if told.key == key), None)

    def live(self, about: str, scope: str) -> list[Told]:
        return [told for told in self.notes if about and not told.by and (told.about, told.scope) == (about, scope)]

    def change(self, about: str, scope: str) -> int:
        self.versions[about, scope] += bool(about)
        return self.versions[about, scope]

    def supersede(self, gone: list[Told], by: Told) -> None:
        self.notes = [replace(told, by=by.number) if told in gone else told for told in self.notes]

    def forget_notes_on(self, source: str) -> None:
        self.notes = [told for told in self.notes if told.source != source]

    def links(self, told: Told) -> tuple[list[str], list[str], str | None]:
        """What a note supersedes, what it contradicts, and what stands in its place."""
        against = [] if told.by else self.live(told.about, told.scope)
        by = next((other.key for other in self.notes if other.number == told.by), "") if told.by else None
        return (
            sorted(other.key for other in self.notes if other.by == told.number),
            sorted(other.key for other in against if other.word.lower() != told.word.lower()),
            by,
        )


class Project:
    """A folder, its twin that is kept nowhere, and what both should remember."""

    def __init__(self, name: str, loop: asyncio.Runner) -> None:
        self.name, self.loop, self.folder, self.model = name, loop, Path(tempfile.mkdtemp()), Model()
        self.twin = self.enter(open_in_memory(self.folder))
        self.open()

    def enter(self, context: AbstractAsyncContextManager[Memory]) -> Memory:
        self.context = context
        return self.loop.run(context.__aenter__())

    def open(self) -> None:
        self.kept = self.enter(open_memory(self.folder, embedder=HashedEmbedder()))

    def close(self) -> None:
        self.loop.run(self.context.__aexit__(None, None, None))

    def both(self, method: str, *args: Any, **named: Any) -> Any:
        """What both say or raise, which is the same."""
        kept, twin = (self.outcome(memory, method, *args, **named) for memory in (self.kept, self.twin))
        assert timeless(kept) == timeless(twin)
        COUNTED[method] += 1
        return kept

    def outcome(self, memory: Memory, method: str, *args: Any, **named: Any) -> Any:
        try:
            return self.loop.run(getattr(memory, method)(*args, **named))
        except (BadInput, Conflict) as error:
            return type(error), str(error)

    def own(self, found: tuple[Passage | Note, ...]) -> None:
        """Nothing in it is another project's."""
        for each in found:
            COUNTED["records looked at"] += 1
            COUNTED["foreign records"] += not each.text.startswith(self.name)


def timeless(said: Any) -> Any:
    """Without the time of writing, which a memory that is kept nowhere does not look at."""
    if isinstance(said, tuple):
        return tuple(map(timeless, said))
    if not isinstance(said, Note):
        return said
    ended = said.superseded and said.superseded.model_copy(update={"at": 0})
    return said.model_copy(update={"at": 0, "superseded": ended})


class Stories(RuleBasedStateMachine):
    """Two projects that know the same names: each remembers what was written into it, and nothing else."""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.Runner()
        self.projects = {name: Project(name, self.loop) for name in NAMES}
        for name in NAMES:
            for source in SOURCES:
                self.ingest(name, source, 1)

    @rule(name=PROJECTS)
    def reopen(self, name: str) -> None:
        self.projects[name].close()
        self.projects[name].open()

    @rule(name=PROJECTS, source=st.sampled_from(SOURCES), edition=st.sampled_from([1, 1, 2]))
    def ingest(self, name: str, source: str, edition: int) -> None:
        project = self.projects[name]
        text = f"{name} {source} edition {edition} says much little nothing"
        document = Document(id=source, title="", uri=source, text=text)
        changed = project.model.texts.get(source) != edition

        assert project.both("ingest", "corpus", [document]) == int(changed)
        if changed:
            project.model.texts[source] = edition
            project.model.forget_notes_on(source)

    @rule(
        name=PROJECTS,
        key=st.sampled_from(KEYS),
        word=st.sampled_from(WORDS),
        source=st.sampled_from(SOURCES),
        scope=st.sampled_from(SCOPES),
        about=st.sampled_from(SUBJECTS),
        looked=EXPECTED,
    )
    def add(self, name: str, key: str, word: str, source: str, scope: str, about: str, looked: int | None) -> None:
        project, model = self.projects[name], self.projects[name].model
        version, before = model.versions[about, scope], model.of(key)
        expects = None if looked is None else version + looked
        note = Note(
            key=key, text=f"{name} {word}", source=source, start=0, end=len(name), writer="w", scope=scope, about=about
        )
        said = project.both("add", note, expects=expects)

        told = Told(0, key, word, source, scope, about, 0)
        if before is not None and replace(before, number=0, version=0, by=0) == told:
            assert said.version == before.version
        elif expects is not None and not about:
            assert said[0] is BadInput
        elif expects not in (None, version):
            assert said[0] is Conflict
        else:
            model.numbers += 1
            told = replace(told, number=model.numbers, version=model.change(about, scope))
            model.notes = [other for other in model.notes if other.key != key]
            replaced = model.live(about, scope) if expects is not None else []
            model.supersede(replaced, told)
            model.notes.append(told)

    @rule(name=PROJECTS, key=st.sampled_from(KEYS), looked=EXPECTED)
    def resolve(self, name: str, key: str, looked: int | None) -> None:
        project, model = self.projects[name], self.projects[name].model
        told = model.of(key)
        version = model.versions[told.about, told.scope] if told else 0
        expects = None if looked is None else version + looked
        said = project.both("resolve", key, reason="so", writer="editor", expects=expects)

        live = model.live(told.about, told.scope) if told else []
        if told not in live:
            assert said[0] is BadInput
        elif len(live) > 1 and expects not in (None, version):
            assert said[0] is Conflict
        elif told is not None and len(live) > 1:
            chosen = replace(told, version=model.change(told.about, told.scope))
            model.notes = [chosen if other is told else other for other in model.notes]
            model.supersede([other for other in live if other is not told], chosen)

    @rule(name=PROJECTS, key=st.sampled_from(KEYS))
    def forget(self, name: str, key: str) -> None:
        project, model = self.projects[name], self.projects[name].model
        told = model.of(key)

        assert project.both("forget", key) is (told is not None)
        if told is not None:
            model.change(told.about, told.scope)
            model.notes.remove(told)

    @rule(name=PROJECTS, word=st.sampled_from(WORDS), scopes=st.lists(st.sampled_from([*SCOPES, "corpus"])))
    def search(self, name: str, word: str, scopes: list[str]) -> None:
        project = self.projects[name]
        found = project.both("search", f"{word} {' '.join(NAMES)}", corpora=scopes, limit=99)

        project.own(found)
        noted = {told.source for told in project.model.notes if not told.by and told.scope in scopes}
        assert {passage.source for passage in found} == (set(SOURCES) if "corpus" in scopes else noted)

    @invariant()
    def each_recalls_its_own(self) -> None:
        COUNTED["steps"] += 1
        for project in getattr(self, "projects", {}).values():
            model = project.model
            for about in SUBJECTS:
                for history in (False, True):
                    found = project.both("recall", about, history=history)
                    project.own(found)
                    expected = [
                        told for told in model.notes if about and told.about == about and (history or not told.by)
                    ]
                    assert [(note.key, note.version, note.scope) for note in found] == [
                        (told.key, told.version, told.scope) for told in expected
                    ]
                    links = [(list(n.supersedes), list(n.contradicts), n.superseded and n.superseded.by) for n in found]
                    assert links == [model.links(told) for told in expected]
            conflicts = {(told.about, told.scope) for told in model.notes if model.links(told)[1]}
            assert self.loop.run(project.kept.stored()).conflicts == len(conflicts)

    def teardown(self) -> None:
        for project in getattr(self, "projects", {}).values():
            project.close()
            shutil.rmtree(project.folder)
        if hasattr(self, "loop"):
            self.loop.close()


@pytest.mark.timeout(60 + STEPS)
def test_two_projects_remember_what_was_written_into_them_and_nothing_else() -> None:
    COUNTED.clear()
    run_state_machine_as_test(
        Stories,
        settings=settings(
            max_examples=STEPS * 11 // (IN_A_STORY * 10) + 4,  # some stories end early
            stateful_step_count=IN_A_STORY,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

    print(dict(COUNTED))
    assert COUNTED["steps"] >= STEPS
    assert COUNTED["foreign records"] == 0 < COUNTED["records looked at"]
