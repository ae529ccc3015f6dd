"""Every error Bullpen raises on purpose, sorted by what the catcher should do.

BullpenError
├─ Refused        asked for something not allowed; never retried
│  ├─ BadInput          what the user gave cannot be used: exit status 2
│  │  └─ Untrusted      (in `trust`) a folder or a run wants what only the person may allow
│  ├─ InvalidWorker     a worker class or a team with a mistake in it
│  ├─ Misconfigured     a provider refused our key, our model name or our request
│  ├─ BudgetExceeded    the call would have passed the limit; it was not made
│  ├─ CassetteMiss      the request is not among the recorded ones; nobody was asked
│  ├─ Conflict          what is remembered has changed since it was read; nothing was written
│  └─ Fenced            another process owns the run now; nothing of this one is used
├─ Unavailable    not now; may work later or elsewhere
│  ├─ Overloaded        a bounded queue is full; nothing was queued
│  ├─ NoAnswer          no rung gave a good answer
│  ├─ StorageFull       there is no room for the record
│  └─ StepFailed        an effect failed and the failure is on record
├─ NothingFound   a worker looked and there was nothing: a result, not a defect
├─ ToolError      a tool failed in an expected way
│  ├─ NotJson           what it gave cannot be carried by JSON; never retried
│  └─ InDoubt           it was begun before a crash, nobody knows how it ended, and it is not begun again
└─ JournalDamaged the record cannot be trusted from a named event on

Messages name the thing, the value, the bound and the mend.
"""

import builtins


class BullpenError(Exception):
    """The root: catch this to catch everything Bullpen raises on purpose."""


class Refused(BullpenError):
    """Asked for something that is not allowed; asking again will not help."""


class BadInput(Refused):
    """What the user gave cannot be used. The message is one line and names the mend."""


class InvalidWorker(Refused, TypeError):
    """A worker class, or a team put together from such classes, has a mistake in it."""


class Misconfigured(Refused):
    """A provider refused the key, the model name or the request: ours to mend, never hidden by a fallback."""


class BudgetExceeded(Refused):
    """The next call could pass the limit, so it was not made.

    `limit` and `spent` are micro-dollars, some of them `estimated`; `wanted` is what the call could have cost.
    """

    def __init__(self, name: str, *, limit: int, spent: int, wanted: int, estimated: int = 0) -> None:
        self.limit, self.spent, self.wanted, self.estimated = limit, spent, wanted, estimated
        some = f" ({estimated / 1e6:.6f} of it estimated)" if estimated else ""
        super().__init__(
            f"budget {name!r} could be exceeded: {spent / 1e6:.6f} of {limit / 1e6:.6f} USD is spent{some} and "
            f"the next call may cost {wanted / 1e6:.6f}; raise the budget or use a cheaper rung"
        )


class CassetteMiss(Refused):
    """A cassette that replays does not have the request. Another rung would hide it, so none is asked."""


class Conflict(Refused):
    """What is remembered about a subject is not as the writer had read it, so nothing was written.

    `version` is the subject's version now: read it again, then decide.
    """

    def __init__(self, about: str, *, expected: int, version: int) -> None:
        self.about, self.expected, self.version = about, expected, version
        super().__init__(
            f"what is remembered about {about!r} is at version {version}, not {expected}; recall it, then write again"
        )


class Fenced(Refused):
    """Another process has taken the run over, since this one gave no sign of life; what it does is used no more."""


class Unavailable(BullpenError):
    """Not now; the same request may work later or elsewhere."""


class Overloaded(Unavailable):
    """A bounded queue is full. Nothing was queued."""


class StorageFull(Unavailable):
    """There is no room on the disk for the record; nothing of what was to be written is in the file."""


class NoAnswer(Unavailable):
    """No rung gave a good answer; the message lists each rung and its outcome."""


class StepFailed(Unavailable):
    """An effect failed; `kind` is the original error's type, the message its text."""

    def __init__(self, name: str, kind: str, detail: str) -> None:
        self.kind, self.detail = kind, detail
        super().__init__(f"step {name!r} failed with {kind}: {detail}")


class NothingFound(BullpenError):
    """Raised by a worker that looked and found nothing: its result is `empty`, with this message as the gap."""


class ToolError(BullpenError):
    """A tool failed in an expected way: the worker may tell the model and go on."""


class InDoubt(ToolError):
    """The call was begun by a process that is gone, nobody knows how it ended, and it is not made again."""


class NotJson(ToolError, Refused):
    """A tool gave what JSON cannot carry; calling it again gives no other."""


class JournalDamaged(BullpenError):
    """A run's record cannot be trusted from the event named in the message on."""


def restored(kind: str, detail: str) -> Exception:
    """An error as a record has it: of its old class as far as that is known, with the same name and the same words."""
    known = globals().get(kind) or getattr(builtins, kind, None)
    base = known if isinstance(known, type) and issubclass(known, Exception) else Exception
    made = type(kind, (base,), {"__init__": lambda self: None, "__str__": lambda self: detail})
    error: Exception = made()
    return error
