"""How an effect is done once: intent, effect, result, all three on record under one key.

Every effect of a job goes through `Steps.run`. A step that has a result is never done again: its record is the answer,
which is what makes a retried task cheap and a resumed job free of double payment.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

from ..errors import BullpenError, Refused
from ..failpoint import failpoint
from ..ids import Json, StepKey, canonical, step_key
from .events import Entry, Event
from .journal import Journal
from .past import ANSWERED, WRITTEN

T = TypeVar("T")


class StepKind(NamedTuple):
    """The kinds of a step's events. Without an intent it only reads: nothing is lost by doing it twice."""

    intent: str | None
    result: str
    failed: str


MODEL = StepKind("model.asked", ANSWERED, "model.failed")
SEARCH = StepKind(None, "memory.searched", "memory.failed")
READ = StepKind(None, "memory.read", "memory.failed")
WRITE = StepKind("memory.write_intended", WRITTEN, "memory.failed")
TOOL = StepKind("tool.asked", "tool.answered", "tool.failed")
WAY = StepKind(None, "model.way_chosen", "model.failed")
INGEST = StepKind("corpus.ingest_started", "corpus.ingested", "corpus.failed")

#: A step that an earlier owner of the run had begun; nobody knows how it ended.
IN_DOUBT = "step.in_doubt"


class Steps:
    """The effects of one attempt at one task. `n` in a key counts equal effects within the attempt, so a new attempt
    finds what an earlier one has paid for."""

    def __init__(
        self, journal: Journal, job: str, task: str, sender: str, is_over: Callable[[], bool] = lambda: False
    ) -> None:
        self.journal, self.job, self.task, self.sender = journal, job, task, sender
        self._is_over = is_over
        self._seen: dict[tuple[str, str], int] = {}

    async def run(
        self,
        kind: StepKind,
        recipient: str,
        args: Any,
        effect: Callable[[StepKey], Awaitable[T]],
        restore: Callable[[Any], T],
        record: Callable[[T], Any] | None = None,
    ) -> T:
        """The effect's value: restored from the record where it has been done, else done now and recorded.

        `restore` makes of the recorded JSON what the effect gave. A result is on disk before the job's next effect
        begins; `record` makes of the value what is recorded, where that is not the value itself. Whatever the effect
        raises is put on record as a failure and raised again.
        """
        self.check()
        described = canonical(args)
        key = self._key(kind, recipient, described)
        past = self.journal.past
        if past.is_tape:
            return restore((await past.end_of(key, kind.intent)).value)
        recorded = self.journal.result_of(key) or self._taken_over(key, recipient)
        if recorded is not None:
            past.reuse(recorded)
            return restore(recorded.value)
        if past.is_in_doubt(key):
            self.note(IN_DOUBT, {"intent": kind.intent}, step=key, recipient=recipient)
        if kind.intent:
            self._append(kind.intent, "intent", key, recipient, described)
            await self.journal.commit()
        failpoint("step.begun")
        try:
            self.check()  # once more: it may have been stopped while the intent was on its way to the disk
            value = await effect(key)
        except Exception as error:
            body = {"type": type(error).__name__, "detail": _detail(error)}
            self._append(kind.failed, "failed", key, recipient, body)
            raise
        failpoint("step.done")
        self._append(kind.result, "result", key, recipient, value if record is None else record(value))
        failpoint("step.recorded")
        return value

    def is_in_doubt(self, step: StepKey) -> bool:
        """Whether the step was begun by an earlier owner of the run, and nobody knows how it ended."""
        return self.journal.past.is_in_doubt(step)

    def _taken_over(self, key: str, recipient: str) -> Event | None:
        """Of a fork, the result that the run has which it was forked from; it is put on record here too."""
        past = self.journal.past
        found = past.branch.get(key)
        if found is None:
            return None
        past.reused[key] = found
        return self._append(found.kind, "result", key, recipient, Json(found.body))

    def check(self) -> None:
        """Raise Refused when the attempt is over, so that what it has left running does no more in its name."""
        if self._is_over():
            raise Refused(f"the attempt at task {self.task!r} is over; nothing more is done in its name")

    def note(self, kind: str, body: Any, *, step: str = "", recipient: str = "") -> None:
        """Put something on record that is no effect: it rides along in the next commit."""
        self.journal.append(Entry(kind, body, task=self.task, step=step, sender=self.sender, recipient=recipient))

    def _append(self, kind: str, phase: Any, key: str, recipient: str, body: Any) -> Event:
        return self.journal.append(Entry(kind, body, self.task, key, phase, self.sender, recipient))

    def _key(self, kind: StepKind, recipient: str, args: Json) -> StepKey:
        name = f"{kind.result}:{recipient}"
        n = self._seen.get((name, args), 0)
        self._seen[name, args] = n + 1
        return step_key(self.journal.past.origin or self.job, self.task, name, args, n)


def _detail(error: Exception) -> str:
    """The message of an error of ours; of a foreign one, which could hold anything, its first 500 characters."""
    return str(error) if isinstance(error, BullpenError) else str(error)[:500]
