"""The memory of a project as the commands open it: by its team's factory, as jobs do."""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import signature
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..evidence import Source
from ..ingest import corpus_of
from ..journal.reader import open_run
from ..ports import KeptMemory, Note, Remarking, Stored
from ..settings import Settings, load_settings
from ..team import load_team

#: Characters of a whole job id.
_WHOLE = 36


@dataclass(frozen=True, slots=True)
class Remembered:
    """A memory that is open, where it is kept, and what it holds."""

    memory: KeptMemory
    folder: Path
    stored: Stored
    settings: Settings

    def corpora(self, named: Sequence[str]) -> list[str]:
        """The corpora of these names, or read from these paths; all where none is named. Raises BadInput."""
        return [self._corpus(name) for name in named] or list(self.stored.corpora)

    def _corpus(self, name: str) -> str:
        for corpus in (name, corpus_of([Path(name)])):
            if corpus in self.stored.corpora:
                return corpus
        there = ", ".join(self.stored.corpora)
        raise BadInput(f"there is no corpus {name!r} in {str(self.folder)!r}, but {there}")

    def scope(self, job: str) -> str:
        """A job's id, from its beginning or `latest`; a whole one need not have a run any more."""
        return job if len(job) == _WHOLE else open_run(job, self.settings.runs).id

    async def source(self, name: str) -> Source:
        """The source of this id. Raises BadInput where there is none."""
        found = await self.memory.source(name)
        if found is None:
            known = [source.id for source in await self.memory.select((), corpora=list(self.stored.corpora), fields=())]
            near = get_close_matches(name, known, n=1, cutoff=0.4)
            mend = f"did you mean {near[0]!r}?" if near else "`bullpen memory export` has them all"
            raise BadInput(f"source {name!r} is not in memory; {mend}")
        return found

    async def notes(self) -> list[Note]:
        """Every note, superseded ones too, oldest first."""
        rows = [row async for row in self.memory.export() if row["kind"] == "note"]
        return [Note.model_validate({name: row[name] for name in row if name != "kind"}) for row in rows]

    async def note(self, key: str) -> Note:
        """The note of this key, or of the one key that begins so. Raises BadInput where there is none or several."""
        notes = await self.notes()
        found = [note for note in notes if note.key == key] or [note for note in notes if note.key.startswith(key)]
        if len(found) != 1:
            said = f"fits {len(found)} notes; give more of it" if found else "is no note's"
            raise BadInput(f"key {key!r} {said}; `bullpen memory recall ABOUT` shows keys")
        return found[0]


@asynccontextmanager
async def opened(settings: Mapping[str, Any], *, is_fresh: bool = False) -> AsyncIterator[Remembered]:
    """The project's memory. With `is_fresh`, also one with vectors of another embedder, where the team can do that.

    Raises BadInput for a project without a memory and a team that keeps none.
    """
    loaded = load_settings(**settings)
    team, name, folder = load_team(loaded.default_team), loaded.default_team, loaded.project / "memory"
    if team.memory is None:
        raise BadInput(f"team {name!r} has no memory; name one that has with --team")
    if not folder.is_dir():
        raise BadInput(
            f"team {name!r} keeps no memory in {str(folder)!r} yet; `bullpen research QUESTION --corpus PATH` makes"
            " one, --project names another folder"
        )
    fresh: dict[str, Any] = {"fresh": True} if is_fresh and "fresh" in signature(team.memory).parameters else {}
    async with team.memory(folder, loaded, **fresh) as memory:
        if not isinstance(memory, KeptMemory):
            kind = type(memory).__name__
            raise BadInput(f"the memory of team {name!r} ({kind}) is not kept between jobs; name another with --team")
        yield Remembered(memory, folder, await memory.stored(), loaded)
        await _say_remarks(memory)


async def _say_remarks(memory: KeptMemory) -> None:
    """Say, beside the output, why memory is worse than it could be, where it is."""
    for reason in await memory.remarks() if isinstance(memory, Remarking) else ():
        sys.stderr.write(f"degraded: {reason}\n")


def check_not_empty(remembered: Remembered) -> None:
    """Raises BadInput where there is no document to be found."""
    if not remembered.stored.sources:
        raise BadInput(
            f"memory {str(remembered.folder)!r} holds no document; `bullpen research QUESTION --corpus PATH` reads some"
        )
