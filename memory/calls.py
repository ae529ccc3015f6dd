"""What came of writes that other processes asked for, kept with them: one that is asked for again is not done twice."""

from typing import NamedTuple

from .database import Database

#: How long the last calls of a process that is gone are kept, in milliseconds: none of its own can come any more.
_KEPT_MS = 24 * 3600 * 1000


class CallId(NamedTuple):
    """One write of one client; every write of it with a number below `answered` has been answered."""

    client: str
    number: int
    answered: int


class Calls:
    """The calls of one open file. Each client leaves those in hand, and the one before."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def result(self, call: CallId) -> str | None:
        """What was kept of it, or None where it was not done."""
        row = self._database.execute(
            "SELECT result FROM calls WHERE client = ? AND number = ?", (call.client, call.number)
        ).fetchone()
        return None if row is None else str(row[0])

    def keep(self, call: CallId, result: str, at: int) -> None:
        """Keep what came of it, within its transaction, and forget those that nobody will ask for again."""
        self._database.execute("DELETE FROM calls WHERE client = ? AND number < ?", (call.client, call.answered))
        self._database.execute(
            "INSERT INTO calls (client, number, result, at) VALUES (?, ?, ?, ?)", (call.client, call.number, result, at)
        )

    def forget_old(self, at: int) -> None:
        """Forget those of processes that are long gone."""
        self._database.execute("DELETE FROM calls WHERE at < ?", (at - _KEPT_MS,))
