"""Looking for an answer in earlier runs: the journal is the only record of what models have said."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import BullpenError
from ..ids import digest
from ..regular_files import list_regular
from .events import Event
from .step import MODEL
from .storage import SUFFIX, read_events

#: How many runs are looked through, the newest first.
_RUNS_MOST = 50


def find_answer(folder: Path, intent: str, *, since_ms: int) -> tuple[dict[str, Any], int] | None:
    """The youngest answer to a call with this intent (the hash of its body) and when it was given, in ms since 1970.

    Only what a model said then: an answer that was itself found on record is passed by. Blocking.
    """
    paths = list_regular(folder, SUFFIX)[::-1]  # a job's id begins with its time
    for path in paths[:_RUNS_MOST]:
        found = [answer for answer in _answers(path, intent) if answer.at_ms >= since_ms]
        if found:
            return found[-1].value, found[-1].at_ms
    return None


def _answers(path: Path, intent: str) -> Iterator[Event]:
    try:
        events = read_events(path)
    except BullpenError:
        return  # damaged or of another format: `bullpen jobs` says so; here it only holds no answer
    steps = {event.step for event in events if event.kind == MODEL.intent and digest(event.body) == intent}
    for event in events:
        if event.kind == MODEL.result and event.step in steps and _is_a_models(event):
            yield event


def _is_a_models(event: Event) -> bool:
    attempts = event.value["receipt"]["attempts"]
    return bool(attempts) and attempts[-1]["outcome"] == "ok"
