"""The jobs that earlier processes have left unfinished: the same job, launched again, goes on instead."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anyio import Lock, to_thread

from .ids import canonical
from .journal.reader import list_unfinished

#: How many of a folder's newest runs are looked at.
_NEWEST = 100
#: What makes two launched jobs the same.
_SAME = ("question", "team", "corpus", "budget_usd", "deadline_s", "limits")


class Left:
    """What was left when it was first asked, each handed out once."""

    def __init__(self, runs: Path | None) -> None:
        """Of a folder of runs; None where there are none."""
        self._runs = runs
        self._found: dict[str, str] | None = None
        self._looking = Lock()

    async def take(self, accepted: Mapping[str, Any]) -> str | None:
        """The newest unfinished job that was accepted as the same, as its file is called; None where there is none."""
        if self._found is None:
            async with self._looking:
                if self._found is None:
                    self._found = await to_thread.run_sync(self._look)
        return self._found.pop(_same(accepted), None)

    def _look(self) -> dict[str, str]:
        if self._runs is None or not self._runs.is_dir():
            return {}
        found: dict[str, str] = {}
        for run in list_unfinished(self._runs, _NEWEST):
            if "fork" not in run.accepted:  # it was not launched
                found.setdefault(_same(run.accepted), run.path.stem)
        return found


def _same(accepted: Mapping[str, Any]) -> str:
    return canonical({name: accepted.get(name) for name in _SAME})
