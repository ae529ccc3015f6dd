"""The fault matrix, rows 1 to 45, against the scripted provider, through both lanes, plain and streamed.

    python -m benchmarks.faults.run [--row N …] [--lane openai_http|litellm] [--json]

Each line is one fault in one lane and mode: what the person who asked is told, the requests that the provider counted
beside the attempts on the receipt, and how long it took. Exit status 1 where a line is not as `cases.py` has it.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from random import Random
from typing import Any

import anyio
from rich.console import Console
from rich.table import Table

from bullpen.orchestrator.clock import SystemClock
from bullpen.orchestrator.gateway.budget import Ledger
from bullpen.orchestrator.gateway.chain import Course
from bullpen.orchestrator.gateway.deployment import Deployment
from bullpen.orchestrator.gateway.model import Completion
from bullpen.orchestrator.gateway.stack import compose
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.testing.provider import ScriptedProvider
from bullpen.orchestrator.testing.provider.faults_address import ADDRESSES
from bullpen.orchestrator.text import shorten

from .calls import LANES, Line, Told, request, rung
from .cases import CASES, WELL, Case
from .wider import WIDER

ROWS = range(1, 46)
#: How many cases run at once: more would make the figures those of a busy machine.
AT_ONCE = 4
#: How much later than its deadline a call may end, in seconds.
GRACE_S = 0.5


async def run_case(case: Case, lane: str, mode: str) -> Line:
    with ExitStack() as opened:
        first = None if case.address else opened.enter_context(ScriptedProvider(_script(case)))
        url = first.url if first else opened.enter_context(ADDRESSES[case.address].opened())
        second = opened.enter_context(ScriptedProvider(lambda _: WELL))
        rungs = [rung("first", lane, url, **case.rung)]
        rungs += [] if case.alone else [rung("second", lane, second.url, timeout_s=10.0, first_s=5.0)]
        deployed = [(each, [Deployment.of(each, LANES[lane](each))]) for each in rungs]
        journal = InMemoryJournal("job", SystemClock())
        model = compose(deployed, Ledger("job", 10_000_000), Course(backoff_s=0.05), Random(0))
        calls = [Told() for _ in range(case.calls)]
        try:
            for n, told in enumerate(calls):
                await told.make(
                    model,
                    request(journal, n, told, typed=case.typed, streams=mode == "stream", deadline_s=case.deadline_s),
                )
        finally:
            for _, (deployment,) in deployed:
                await deployment.provider.aclose()
        counted = (first.count() if first else None), second.count()
        return _line(case, lane, mode, calls, journal, counted)


def _script(case: Case) -> Any:
    replies = iter(case.replies)
    last = case.replies[-1]
    return lambda _: next(replies, last)


def _line(
    case: Case, lane: str, mode: str, calls: Sequence[Told], journal: InMemoryJournal, counted: tuple[int | None, int]
) -> Line:
    attempts = [event.value for event in journal.events if event.kind == "model.attempted"]
    at_first = [attempt for attempt in attempts if attempt["rung"] == "first"]
    problems = list(_problems(case, mode, calls, attempts, journal, counted))
    sees = (
        "; ".join(dict.fromkeys(told.sees for told in (calls[0], calls[-1]) if told.sees)) or "the answer, nothing else"
    )
    return Line(
        row=case.row,
        fault=case.name,
        lane=lane,
        mode=mode,
        sees=sees,
        at_provider=counted[0],
        on_receipt=len(at_first),
        seconds=round(max(told.seconds for told in calls), 2),
        problems=tuple(problems),
    )


def _problems(
    case: Case,
    mode: str,
    calls: Sequence[Told],
    attempts: Sequence[dict[str, Any]],
    journal: InMemoryJournal,
    counted: tuple[int | None, int],
) -> Iterator[str]:
    told = calls[0]
    at_first = sum(attempt["rung"] == "first" for attempt in attempts)
    if counted[0] is not None and counted[0] != at_first:
        yield f"the first provider counted {counted[0]} requests, the journal {at_first}"
    if counted[1] != len(attempts) - at_first:
        yield f"the second provider counted {counted[1]} requests, the journal {len(attempts) - at_first}"
    if case.hits_most is not None and at_first > case.hits_most:
        yield f"{at_first} requests to the first provider, at most {case.hits_most} are allowed"
    for each in calls:
        yield from _ended(case, each)
    seen = _receipt(told, attempts)
    outcomes = tuple(str(attempt) for rung, attempt in seen if rung == "first")
    if outcomes != tuple(map(str, case.first)):
        yield f"the attempts ended {', '.join(outcomes) or 'never'}"
    failed = sum(attempt["outcome"] != "ok" for attempt in attempts)
    good = sum(each.completion is not None and _last(each) == "ok" for each in calls)
    if failed != len(attempts) - good:
        yield f"{failed} failures on record of {len(attempts) - good} attempts that failed"
    if not any(case.sees in each.sees for each in calls):
        yield f"nobody is told {case.sees!r}"
    if mode == "stream" and told.completion is not None and told.shown.strip() != told.completion.text.strip():
        yield f"on the screen stands {shorten(told.shown, 60)!r}"


def _ended(case: Case, told: Told) -> Iterator[str]:
    if told.seconds > case.deadline_s + GRACE_S:
        yield f"it took {told.seconds:.1f} s"
    if case.most_s is not None and told.seconds > case.most_s + GRACE_S:
        yield f"it took {told.seconds:.1f} s, at most {case.most_s} are allowed"
    if case.calls == 1 and told.seconds < case.least_s:
        yield f"it took {told.seconds:.1f} s, at least {case.least_s} were asked for"
    by = "error" if told.completion is None else _by(told.completion)
    if by != case.by:
        yield f"answered by {by}, not {case.by}: {shorten(told.sees, 200)}"
    if case.typed and told.completion is not None and told.completion.value is None:
        yield "there is no value"


def _by(completion: Completion) -> str:
    return completion.receipt.attempts[-1].rung if completion.receipt.attempts else "nobody"


def _last(told: Told) -> str:
    assert told.completion is not None
    return str(told.completion.receipt.attempts[-1].outcome)


def _receipt(told: Told, attempts: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """The attempts of the first call: from its receipt, or from the journal where it ended in an error."""
    if told.completion is not None:
        return [(attempt.rung, str(attempt.outcome)) for attempt in told.completion.receipt.attempts]
    return [(attempt["rung"], attempt["outcome"]) for attempt in attempts]


async def run_all(rows: Collection[int], lanes: Sequence[str]) -> list[Line]:
    lines: list[Line] = []
    room = anyio.CapacityLimiter(AT_ONCE)

    async def run(make: Callable[[], Awaitable[Line]]) -> None:
        async with room:
            lines.append(await make())

    for lane in lanes:  # LiteLLM takes seconds to import, which is no part of any case
        await run_case(Case(0, "warm-up", [WELL], (Outcome.OK,), "first"), lane, "plain")
    cases = [case for case in CASES if case.row in rows]
    async with anyio.create_task_group() as group:
        for lane in lanes:
            for case in cases:
                for mode in case.modes:
                    group.start_soon(run, partial(run_case, case, lane, mode))
            for number, make in WIDER:
                if number in rows:
                    group.start_soon(run, partial(make, lane))
    return sorted(lines, key=lambda line: (line.row, line.fault, line.lane, line.mode))


def as_table(lines: Sequence[Line]) -> Table:
    table = Table(title="Fault matrix", show_lines=False)
    for name in ("row", "fault", "lane", "mode", "provider = receipt", "s", "what is told"):
        table.add_column(name, overflow="fold")
    for line in lines:
        counted = f"{'-' if line.at_provider is None else line.at_provider} = {line.on_receipt}"
        told = (
            f"[red]{'; '.join(line.problems)}[/red]" if line.problems else shorten(line.sees, 120).replace("[", "\\[")
        )
        table.add_row(str(line.row), line.fault, line.lane, line.mode, counted, f"{line.seconds:.2f}", told)
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--row", type=int, action="append", help="this row alone; may be given several times")
    parser.add_argument("--lane", choices=LANES, help="this lane alone")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    chosen = parser.parse_args()
    os.environ.update(FIRST_KEY="first-key-of-nobody", SECOND_KEY="second-key-of-nobody")
    logging.disable(logging.CRITICAL)
    lines = anyio.run(run_all, chosen.row or ROWS, [chosen.lane] if chosen.lane else list(LANES))
    if chosen.json:
        sys.stdout.write(json.dumps([asdict(line) for line in lines], indent=1) + "\n")
    else:
        Console(width=None if sys.stdout.isatty() else 160).print(as_table(lines))
    wrong = [line for line in lines if line.problems]
    sys.stderr.write(f"{len(lines) - len(wrong)} of {len(lines)} as they should be\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
