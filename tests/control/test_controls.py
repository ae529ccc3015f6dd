"""The time that an attempt has, which stands still while its job waits for a person or for room on the disk."""

import json
from contextlib import ExitStack
from typing import Any

import anyio
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bullpen.orchestrator import virtual_time
from bullpen.orchestrator.clock import monotonic_s
from bullpen.orchestrator.control.controls import Controls
from bullpen.orchestrator.frames import frame as frames
from bullpen.orchestrator.frames.frame import Ended, Frame, Frames
from bullpen.orchestrator.journal.events import Event

GIVEN_S = 1000.0
ASKED = {"id": "a", "what": "send", "details": {}, "within_s": 60.0}
#: What may happen, and what the job then waits for, or no more.
HAPPENS = {
    "control.paused": ("person", True),
    "control.resumed": ("person", False),
    "approval.asked": ("leave", True),
    "approval.withdrawn": ("leave", False),
    "full": ("room", True),
    "room": ("room", False),
}


def happen(controls: Controls, what: str) -> None:
    if what in ("full", "room"):
        controls.storage_full("it is full" if what == "full" else "")
    else:
        body = json.dumps(ASKED)
        controls.hear(Event(1, "job", "t", "", "", 1, what, 0, "", "", body, ""))


def left_s(controls: Controls, scope: anyio.CancelScope) -> float:
    """How long the scope has from now on, or would have if its time went on."""
    return controls._timed[scope] if controls.stands_still else scope.deadline - monotonic_s()


@given(st.lists(st.tuples(st.sampled_from([*HAPPENS, "begin", "end"]), st.integers(0, 9)), max_size=30))
@example([("full", 0), ("begin", 5), ("room", 5)])
@example([("control.paused", 0), ("begin", 5), ("full", 1), ("control.resumed", 2), ("room", 5)])
def test_a_scope_has_what_it_was_given_less_what_ran(steps: list[tuple[str, int]]) -> None:
    async def run() -> None:
        controls, waits = Controls(), set[str]()
        under_way = dict[anyio.CancelScope, tuple[float, ExitStack]]()
        for what, seconds in steps:
            if what == "begin":
                scope, stack = anyio.CancelScope(deadline=monotonic_s() + GIVEN_S), ExitStack()
                stack.enter_context(controls.timed(scope))
                under_way[scope] = GIVEN_S, stack
            elif what == "end":
                for _, stack in [under_way.pop(scope) for scope in list(under_way)[:1]]:
                    stack.close()
            else:
                happen(controls, what)
                reason, does_wait = HAPPENS[what]
                waits = waits | {reason} if does_wait else waits - {reason}
            assert controls.stands_still == bool(waits)
            await anyio.sleep(seconds)
            for scope, (left, stack) in under_way.items():
                under_way[scope] = left if waits else left - seconds, stack
                assert left_s(controls, scope) == pytest.approx(under_way[scope][0])
                assert (scope.deadline == float("inf")) == bool(waits)

    virtual_time.run(run)


def test_code_that_began_while_time_stood_still_and_does_not_stop_is_given_up() -> None:
    async def stubborn() -> Any:
        with anyio.CancelScope(shield=True):
            await anyio.sleep_forever()

    async def run() -> tuple[Ended, float]:
        controls = Controls()
        controls.storage_full("it is full")
        frame = Frame("job", "t", 5.0, lambda kind, body: None, controls.timed)
        async with anyio.create_task_group() as group:

            async def go_on() -> None:
                await anyio.sleep(60)
                controls.storage_full("")

            group.start_soon(go_on)
            ended = await Frames().run(frame, stubborn)
        return ended, monotonic_s()

    ended, at_s = virtual_time.run(run)

    assert ended.given_up
    assert at_s == pytest.approx(60 + 5 + frames._SHIELD_S, abs=1)
